// Package mail sends what the database wants sent: it claims rows of the mailbox, fills templates, hands the letters to a
// sender and settles each row.
//
// States of a row: due, claimed (a lease, so that a worker that dies with it blocks nobody), sent, given up. A refusal for
// good gives it up at once; anything else makes it due again after a pause that doubles up to an hour. The database gives
// up what is too old (handoff.claim_mail).
//
// Guaranteed: a row that was noted as sent is never sent again. Each row that is not given up is sent at least once: when a
// worker dies between the sending and the note, or the answer to the sending is lost, the next attempt sends a second copy
// with the same Letter.Key, by which the far side can tell. Not guaranteed: any order.
package mail
