// Package bench measures a Supabase project with a running worker, in a project that it makes for that and removes again: how
// long an event takes from its commit to a subscriber's socket, beside the two ways that Supabase offers for the same, and
// how long a conversation that begins to wait takes to an agent.
//
// Everything goes the way of real use: messages are rows of public.messages whose triggers write the outbox, conversations wait
// because handoff.enqueue says so, and the subscriber is a socket at Realtime.
//
// All that it makes belongs to one account of Auth with a generated address, so that whatever is left of a run, even of one
// that was killed, can be found by that address and by nothing else: see Remove.
package bench
