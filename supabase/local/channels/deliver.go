package channels

import (
	"context"
	"time"

	"github.com/jackc/pglogrepl"
)

const (
	messagesPublication = "supabase_realtime_messages_publication"
	messagesSlotPrefix  = "supabase_realtime_messages_replication_slot_"
)

// What a channel that asks for replication_ready is told.
const (
	feedReady   = "Replication connection established"
	feedTooLate = "Replication connection was not established in time"
)

// newMessageFeed makes the feed of realtime.messages.
func (s *Server) newMessageFeed() *feed {
	return &feed{
		url: s.options.DatabaseURL, slotPrefix: messagesSlotPrefix, publication: messagesPublication,
		logger: s.options.Logger, reader: s.messageReader, tell: (*channel).tellReady,
		waiting: make(map[*channel]time.Time),
	}
}

func (s *Server) messageReader(ctx context.Context) func(pglogrepl.Message) error {
	decoder := rowDecoder{relations: make(map[uint32]*pglogrepl.RelationMessage)}
	return func(message pglogrepl.Message) error {
		r, err := decoder.decode(message)
		if r != nil {
			s.deliver(ctx, *r)
		}
		return err
	}
}

// tellReady tells a client that messages from the database reach it from now on, unless it has left meanwhile.
func (c *channel) tellReady() {
	if c.socket.find(c.topic) == c {
		c.system("system", "ok", feedReady)
	}
}

// deliver sends a row to its room. What is too large, or too much, is dropped: its sender is a transaction that has
// long been committed.
func (s *Server) deliver(ctx context.Context, r row) {
	reason := ""
	switch {
	case len(r.payload) > s.options.MaxPayloadBytes:
		reason = "payload too large"
	case s.events.reached(time.Now()):
		reason = "too many messages per second"
	}
	if reason != "" {
		s.options.Logger.WarnContext(ctx, "message from the database dropped", "id", r.id, "topic", r.topic, "reason", reason)
		return
	}
	key := roomKey{topic: topicPrefix + r.topic, private: r.private}
	m := newUserBroadcast(key.topic, r.user(mustMarshal(map[string]string{"id": r.id})))
	m.id = r.id
	s.send(s.hub.find(key), m, nil)
}
