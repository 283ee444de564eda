package channels

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"time"

	"github.com/jackc/pglogrepl"
)

const (
	changesPublication = "supabase_realtime"
	changesSlotPrefix  = "supabase_realtime_replication_slot_"
	changesExtension   = "postgres_changes"

	// changesSubscribed is what a channel is told when changes reach it from then on.
	changesSubscribed = "Subscribed to PostgreSQL"
	// maxRecordBytes is the largest row that is told whole.
	maxRecordBytes = 1 << 20
	// maxFieldBytes is the largest value that is told of a row that is larger.
	maxFieldBytes = 64
)

// Errors that come in the place of a row.
const (
	changeUnauthorized = "Error 401: Unauthorized"
	changeWithoutKey   = "Error 400: Bad Request, no primary key"
	changeTooLarge     = "Error 413: Payload Too Large"
)

// changes tells channels what happens to the rows of published tables.
type changes struct {
	server *Server
	feed   *feed

	mu          sync.Mutex
	subscribers map[*channel][]subscription
}

func newChanges(s *Server) *changes {
	ch := &changes{server: s, subscribers: make(map[*channel][]subscription)}
	ch.feed = &feed{
		url: s.options.DatabaseURL, slotPrefix: changesSlotPrefix, publication: changesPublication,
		logger: s.options.Logger, reader: ch.reader, tell: (*channel).tellSubscribed, waiting: make(map[*channel]time.Time),
	}
	return ch
}

var errNoChanges = errors.New("Unable to subscribe to changes with given parameters. " + //nolint:staticcheck // Realtime's words
	"This stand-in for Realtime was started without a database to read them from.")

// subscribe makes the subscriptions that a join wishes, all of them or none. The channel is told either way, and stays.
func (ch *changes) subscribe(ctx context.Context, c *channel, wishes []json.RawMessage) {
	subscriptions, err := ch.admit(ctx, wishes)
	if err != nil {
		c.system(changesExtension, "error", err.Error())
		ch.server.options.Logger.InfoContext(ctx, "postgres_changes refused", "topic", c.name, "reason", err.Error())
		return
	}
	ch.mu.Lock()
	ch.subscribers[c] = subscriptions
	ch.mu.Unlock()
	if c.socket.find(c.topic) != c { // somebody has closed it meanwhile, and dropped nothing
		ch.drop(c)
		return
	}
	ch.feed.want(ctx, &ch.server.running)
	ch.feed.announce(c)
}

func (ch *changes) admit(ctx context.Context, wishes []json.RawMessage) ([]subscription, error) {
	if ch.feed.url == "" {
		return nil, errNoChanges
	}
	subscriptions := make([]subscription, len(wishes))
	for i, wish := range wishes {
		var err error
		if subscriptions[i], err = parseSubscription(wish); err != nil {
			return nil, err
		}
		if err := ch.server.authorizer.checkSubscription(ctx, subscriptions[i]); err != nil {
			return nil, err
		}
	}
	return subscriptions, nil
}

// drop forgets a channel.
func (ch *changes) drop(c *channel) {
	ch.mu.Lock()
	defer ch.mu.Unlock()
	delete(ch.subscribers, c)
}

// tellSubscribed tells a client that changes reach it from now on, unless it has left meanwhile.
func (c *channel) tellSubscribed() {
	if c.socket.find(c.topic) == c {
		c.system(changesExtension, "ok", changesSubscribed)
	}
}

func (ch *changes) reader(ctx context.Context) func(pglogrepl.Message) error {
	decoder := changeDecoder{relations: make(map[uint32]*pglogrepl.RelationMessage)}
	return func(message pglogrepl.Message) error {
		c, err := decoder.decode(message)
		if c != nil {
			ch.deliver(ctx, *c)
		}
		return err
	}
}

// audience is the channels of one token that a change may concern. What they may see of it is asked once.
type audience struct {
	who       *identity
	listeners []listener
}

type listener struct {
	channel *channel
	// filtered are the channel's subscriptions to the table and event; their filters are still to be asked.
	filtered []subscription
}

// audiences finds who may be concerned, by token.
func (ch *changes) audiences(c change) map[string]*audience {
	ch.mu.Lock()
	defer ch.mu.Unlock()
	found := make(map[string]*audience)
	for member, subscriptions := range ch.subscribers {
		var wanted []subscription
		for _, s := range subscriptions {
			if s.wants(c) {
				wanted = append(wanted, s)
			}
		}
		if wanted == nil {
			continue
		}
		who := member.identity.Load()
		if found[who.token] == nil {
			found[who.token] = &audience{who: who}
		}
		found[who.token].listeners = append(found[who.token].listeners, listener{member, wanted})
	}
	return found
}

// deliver tells whoever may know. A change that cannot be looked at is not told: its transaction is long committed, and
// the next one may fare better.
func (ch *changes) deliver(ctx context.Context, c change) {
	for _, a := range ch.audiences(c) {
		view, err := ch.server.authorizer.view(ctx, c, a.who, a.listeners)
		if err != nil {
			ch.server.options.Logger.WarnContext(ctx, "change not told", "table", c.table(), "role", a.who.role, "err", err)
			continue
		}
		for i, l := range a.listeners {
			if ids := view.passed[i]; len(ids) > 0 {
				l.channel.tellChange(ids, view.data)
			}
		}
	}
}

func (c *channel) tellChange(ids []uint32, data changeData) {
	c.socket.write(noRef, noRef, c.topic, changesExtension, mustMarshal(struct {
		Data changeData `json:"data"`
		IDs  []uint32   `json:"ids"`
	}{data, ids}))
	c.socket.server.events.add(time.Now(), 1)
}
