// Package channels is the stand-in's Realtime server: Phoenix channels over WebSockets, with broadcast, presence and
// private channels that the policies on realtime.messages decide about, and the two HTTP endpoints that send.
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
// # Guarantees
//
// A channel sees the messages of one sender in the order they were sent. With self set, a sender sees its own message
// before the acknowledgement. A join's reply comes before the first message of the room. Nothing is delivered twice,
// and nothing is kept: whoever is not there misses it.
//
// # Left out
//
// Rows written to realtime.messages are not delivered, messages are neither replayed nor persisted, the long-poll
// transport does not exist, and subscriptions to postgres_changes are refused with a system message as Realtime
// refuses those it cannot make.
package channels
