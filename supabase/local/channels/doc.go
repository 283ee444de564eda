// Package channels is the stand-in's Realtime server: Phoenix channels over WebSockets, with broadcast, presence and
// private channels that the policies on realtime.messages decide about, the two HTTP endpoints that send, messages that
// the database sends, and changes of rows.
//
// It answers as Supabase Realtime 2.122 to 2.129 does, byte for byte where a client can tell, so that unmodified
// supabase-js and the bridge of this project cannot see a difference in what is built on it. It is for development
// and tests on the loopback address.
//
// # Parts
//
// A Server owns sockets, and a hub of rooms. A socket is one WebSocket; it reads, decodes and answers frames one
// after another on its own goroutine, so a client that floods or stalls (a join waits for the database) holds up
// nobody but itself. A channel is one topic joined on one socket. A room is all the channels of one topic; the public
// and the private room of the same name have nothing to do with each other.
//
// What a socket is sent goes through its bounded queue. A client that does not drain it is cut off. A broadcast is
// encoded once for each serializer, not once for each receiver, and the whole room sees broadcasts in one order.
//
// A feed is a replication connection with a temporary slot, and the goroutine that reads it. One reads what is written
// to realtime.messages, from the first join on, and sends it to rooms; the other reads the tables of the publication
// supabase_realtime, from the first subscription on, and tells the channels that subscribed. A feed whose connection
// breaks connects again.
//
// # Guarantees
//
// A channel sees the messages of one sender in the order they were sent, and those of the database in the order of
// their commits. With self set, a sender sees its own message before the acknowledgement. A join's reply comes before
// replayed messages, these before the presence state, and that before the first message of the room. Nothing is
// delivered twice: of a message that was replayed, the live copy is left out.
//
// What a transaction sends is delivered after its commit, and never when it is rolled back.
//
// # Not guaranteed
//
// Nothing is kept: whoever is not there misses it, but for private messages of the database, which a join can have
// replayed as long as their partition exists. What is written before the slot is made, or while the connection is
// down, is not delivered live; a channel learns by replication_ready when the slot is there. A message that commits
// while a join looks for the past may be in neither its past nor its present. Replayed messages of one transaction are
// in no certain order.
//
// Changes are looked at some time after their commit, as the database then is: a row that is inserted and deleted at
// once is told as a deletion only, and policies decide on the row as it has become.
//
// # Left out
//
// Messages of clients are not persisted (the wish is ignored), and the long-poll transport does not exist. Subscriptions
// to changes take the operators eq, neq, lt, lte, gt, gte and in; those that want others, not, or a selection of columns
// are refused with a system message, as Realtime refuses those it cannot make. Their join reply never waits for the
// feed. A value that is stored out of line and does not change is missing from the record of an update. Joins without a
// config, which older clients used to subscribe to changes, subscribe to nothing.
package channels
