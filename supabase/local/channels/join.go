package channels

import (
	"context"
	"encoding/json"
	"errors"
	"hash/fnv"
	"strings"
	"time"

	"github.com/google/uuid"
)

const topicPrefix = "realtime:"

// joinRequest is the payload of phx_join, with defaults for whatever is absent or of the wrong type.
type joinRequest struct {
	private, ack, self bool
	presence           bool
	presenceKey        string
	replay             json.RawMessage // nil when absent
	replicationReady   bool
	changes            []json.RawMessage // objects
	userToken          *string
	accessToken        *string
}

func parseJoin(payload json.RawMessage) joinRequest {
	params := asObject(payload)
	config := asObject(params["config"])
	broadcast := asObject(config["broadcast"])
	presence := asObject(config["presence"])
	request := joinRequest{
		private:     asBool(config["private"]),
		ack:         asBool(broadcast["ack"]),
		self:        asBool(broadcast["self"]),
		presence:    asBool(presence["enabled"]),
		presenceKey: asText(presence["key"]),
		replay:      broadcast["replay"],
		userToken:   asString(params["user_token"]),
		accessToken: asString(params["access_token"]),

		replicationReady: asBool(broadcast["replication_ready"]),
	}
	for _, change := range asList(config["postgres_changes"]) {
		if asObject(change) != nil {
			request.changes = append(request.changes, change)
		}
	}
	if request.presenceKey == "" {
		request.presenceKey = newPresenceKey()
	}
	return request
}

// newPresenceKey returns a UUID of version 1, as Realtime does.
func newPresenceKey() string {
	key, err := uuid.NewUUID()
	if err != nil {
		key = uuid.New() // the clock sequence could not be read: any unique key will do
	}
	return key.String()
}

// join handles phx_join. Joining a topic again replaces its channel, whose close follows the reply, as Realtime has it.
func (s *socket) join(ctx context.Context, p push) {
	if !strings.HasPrefix(p.topic, topicPrefix) {
		s.replyUnmatched(p)
		return
	}
	replaced := s.find(p.topic)
	if replaced != nil && !replaced.part() {
		replaced = nil
	}
	request := parseJoin(p.payload)
	c, past, err := s.admit(ctx, p, request)
	if err != nil {
		s.refuse(ctx, p, err)
	} else {
		s.server.feed.want(ctx, &s.server.running)
		s.welcome(ctx, c, past, p, request)
	}
	if replaced != nil {
		replaced.writeClose()
	}
}

// refuse answers a join that failed, after a delay. The client is free to try again, unless it was told to go.
func (s *socket) refuse(ctx context.Context, p push, refused error) {
	pause(ctx, s.server.options.RefusalDelay)
	s.reply(p.joinRef, p.ref, p.topic, replyReason(refused.Error()))
	s.server.options.Logger.InfoContext(ctx, "join refused", "topic", p.topic, "reason", refused.Error())
	var reason *refusalError
	if errors.As(refused, &reason) && reason.disconnects {
		s.queue.finish(closeGoingAway)
	}
}

// admit checks a join in Realtime's order and returns the channel, which nobody knows yet, and the messages that it is
// to see again. Errors are refusals.
func (s *socket) admit(ctx context.Context, p push, request joinRequest) (c *channel, past []row, err error) {
	name := strings.TrimPrefix(p.topic, topicPrefix)
	if name == "" {
		return nil, nil, errTopicName
	}
	if err := s.checkLimits(); err != nil {
		return nil, nil, err
	}
	who, err := s.identityOf(joinToken(request.userToken, request.accessToken, s.identity.token))
	if err != nil {
		return nil, nil, err
	}
	c = &channel{
		socket: s, topic: p.topic, name: name, joinRef: p.joinRef,
		key: roomKey{topic: p.topic, private: request.private},
		ack: request.ack, self: request.self, presenceKey: request.presenceKey,
	}
	c.identity.Store(who)
	granted, refused := c.authorize(ctx, request.presence)
	if refused != nil {
		return nil, nil, refused
	}
	c.hear(granted)
	if past, refused = c.replay(ctx, request.replay); refused != nil {
		return nil, nil, refused
	}
	return c, past, nil
}

// checkLimits counts the join if it may go on.
func (s *socket) checkLimits() error {
	limits := s.server.options.Limits
	joined := s.counted()
	now := time.Now()
	switch {
	case joined == 0 && s.server.users.Load() >= int64(limits.Users):
		return errUsers
	case s.server.joins.reached(now):
		return errJoins
	case joined >= limits.ChannelsPerClient:
		return errChannels
	}
	s.server.joins.add(now, 1)
	return nil
}

// identityOf spares sockets a second copy of their own identity. The connection's token is verified again all the same:
// it may have expired since.
func (s *socket) identityOf(token string) (*identity, error) {
	who, err := identify(s.server.options.Ring, token)
	if err == nil && who.token == s.identity.token {
		return s.identity, nil
	}
	return who, err
}

// welcome puts an admitted channel into its room and answers the join. The reply, then the messages of the past, then
// the presence state, come before anything that the room delivers.
func (s *socket) welcome(ctx context.Context, c *channel, past []row, p push, request joinRequest) {
	c.remember(past)
	withState := request.presence && c.hearsPresence
	s.server.hub.join(c, func(r *room) {
		// Before the client hears of it: whoever ends it from now on finds it, and waits for the room.
		s.attach(c)
		s.reply(c.joinRef, p.ref, c.topic, joinReply(request.changes))
		for _, message := range past {
			c.writeReplayed(message)
		}
		if withState {
			s.write(c.joinRef, noRef, c.topic, eventPresenceState, r.presenceState())
		}
	})
	if withState {
		s.server.presence.add(time.Now(), 1)
	}
	if len(request.changes) > 0 {
		s.server.changes.subscribe(ctx, c, request.changes)
	}
	if request.replicationReady {
		s.server.feed.announce(c)
	}
}

// joinReply echoes the wanted postgres_changes in their order, each with an id: supabase-js compares them.
func joinReply(changes []json.RawMessage) []byte {
	echoes := make([]map[string]json.RawMessage, 0, len(changes))
	for _, change := range changes {
		echo := asObject(change)
		echo["id"] = mustMarshal(changeID(echo))
		echoes = append(echoes, echo)
	}
	reply := []byte(`{"status":"ok","response":{"postgres_changes":`)
	return append(append(reply, mustMarshal(echoes)...), `}}`...)
}

// changeID is a number of 27 bits that equal filters share.
func changeID(filter map[string]json.RawMessage) uint32 {
	hash := fnv.New32a()
	_, _ = hash.Write(mustMarshal(filter)) // cannot fail
	return hash.Sum32() & (1<<27 - 1)
}
