// Package broadcast is the bridge from committed events to Supabase Realtime.
//
// The stream hands it transactions in commit order (Bridge.Deliver). Each event becomes one to three messages
// (Messages), each message joins the lane of its topic, and a bounded number of lanes is at work at once. A message
// is settled when the Transport has had it acknowledged, or when it was parked with a reason. A transaction is done
// when its messages are settled, and Bridge.Confirmed is the end of the last transaction before which nothing is open.
//
// What a message goes through:
//
//	Deliver -> waiting in its lane -> in flight -> acknowledged            -> settled
//	                ^                    |
//	                |                    +-- error that may pass: rest, retry, for ever
//	                |                    +-- refused for its own sake: park -> settled
//	                +-- state message replaced by a newer one: settles with that one
//
// Guaranteed:
//   - Each event is accepted by Realtime at least once, or is parked with a reason. Nothing is skipped.
//   - Messages of one topic leave in the order of the commits, and on one way at a time. Over a Pipeline up to
//     Options.Window of them are on their way at once; when one fails, it and everything behind it leave again in order.
//     A subscriber who drops the ids it has seen gets them in order. Messages of different topics have no order between
//     them.
//   - Confirmed never goes back and never passes an unsettled message.
//   - Memory is bounded: Deliver blocks while Options.MaxPending or Options.MaxPendingBytes is reached. So an outage of
//     Realtime stops the stream and not the database; the replication slot keeps what is not confirmed.
//
// Failover makes one Transport of two: sockets, and HTTP while there are none and for topics that would wait for a channel.
// Topics that cannot be sent at once have workers of their own (Router), so that they keep no other one waiting.
//
// State messages (queue_updated, availability_changed) coalesce: one that has not been tried yet is dropped when a newer
// one of the same topic and name arrives, and the newer one goes to the end of the lane, so that commit order
// holds. The dropped one's transaction then waits for the newer one's acknowledgement. That is sound, because whoever
// gets the newer state needs nothing from the older one; and it is bounded, because one message stands for at most
// maxAbsorbed others, after which it keeps its place and a fresh one follows.
//
// Not guaranteed: that anyone listens, or that subscribers get a message once. A retry after a lost acknowledgement
// sends the same payload again, with the same id; clients drop the second.
package broadcast
