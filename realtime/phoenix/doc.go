// Package phoenix sends broadcasts to Supabase Realtime over its WebSocket, which speaks Phoenix channels.
//
// It is the sending side only: what other clients broadcast on a joined channel is read and dropped. The protocol
// is vsn 2.0.0 with text frames.
//
// A Client spreads topics over connections: one to begin with, another when the channels of those there are full, up to
// Options.MaxConnections. The last connection is kept for ever, with backoff; any other one that is lost, refused or
// without channels is given up, and its topics move. Publish joins the topic's channel on first use, asks for an
// acknowledgement with every push, and returns nil only when it has come. A channel is in one of five states:
//
//	idle --push--> waiting --slot and join budget--> joining --ok--> joined --unused, or renewed--> leaving --> idle
//
// The rules of a channel's life:
//
//   - At most Options.MaxChannels channels are joined on a connection; when all connections are full, the least recently
//     used one that has nothing in flight makes place.
//   - A topic is on one connection at a time. It can move when it has no channel there any more, so nothing of it is in
//     flight then.
//   - Calls on one topic leave in the order in which they were started, without waiting for each other's
//     acknowledgement; only the first push of a membership is waited for. When the connection or the channel is lost, all
//     calls waiting on it fail, the unsent ones too, so that none of them overtakes one that is tried again. A call that
//     alone times out is not waited for by later ones.
//   - Whoever has another way for a message can ask before (AtOnce, Serves) whether it would be kept waiting here.
//   - While there is no connection, calls wait for one, up to Options.JoinTimeout.
//   - Whatever closes a channel, the next push joins it again.
//
// Limits are Realtime's to tell: a join refused for the project's rate of joins, or a channel closed for its rate of
// messages, halves the pace of all connections together, which then doubles in each minute without another refusal.
// Where the limit of messages is known (LearnLimit), joins and connections may be more than Options say.
//
// Errors: a RefusedError (IsPermanent) is the message's own fault and comes back each time. Every other error may pass.
//
// Realtime drops a push to a private channel without a reply when the key's role may not write to it, so that looks like
// a lost acknowledgement: ErrTimeout. Because Realtime remembers the verdict for as long as the channel is joined,
// the channel is left after a time-out and joined anew with the next push. A secret or service_role key may write
// everywhere, so with the right key this does not happen.
//
// Not guaranteed: that a push which failed was not delivered, or that anyone got one which was acknowledged.
package phoenix
