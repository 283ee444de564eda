package channels

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
)

// replayTimeout bounds the look for messages of the past.
const replayTimeout = 5 * time.Second

// replayLimit is how many messages a join can have replayed, and has when it does not say.
const replayLimit = 25

// messageReplay takes the newest messages since an instant. Messages of one transaction share their instant; like
// upstream, their order is then not settled.
const messageReplay = `
	select id::text, topic, event, binary_payload is not null, coalesce(binary_payload, convert_to(payload::text, 'UTF8'))
	from realtime.messages
	where topic = $1 and private and extension = 'broadcast'
		and inserted_at >= to_timestamp($2 / 1000.0) at time zone 'utc'
		and inserted_at < now() at time zone 'utc' + interval '1 minute'
		and event is not null and (payload is not null or binary_payload is not null)
	order by inserted_at desc
	limit $3`

// replay returns what the join wants to see again, oldest first. wish is the join's broadcast.replay, nil when there is
// none. Whoever may read the channel sees all of its messages: policies are asked about topics, not about rows.
func (c *channel) replay(ctx context.Context, wish json.RawMessage) ([]row, *refusalError) {
	switch {
	case wish == nil:
		return nil, nil
	case !c.key.private:
		return nil, errReplayPublic
	case !c.hearsBroadcasts:
		return nil, errUnauthorized(c.name)
	}
	params := asObject(wish)
	if params == nil {
		return nil, nil
	}
	since, limit, valid := replayParams(params)
	if !valid {
		return nil, errReplayParams
	}
	rows, err := c.socket.server.authorizer.replay(ctx, c.name, since, limit)
	if err != nil {
		c.socket.server.options.Logger.WarnContext(ctx, "messages not replayed", "topic", c.name, "err", err)
		return nil, errReplay
	}
	return rows, nil
}

// replayParams reads since, in milliseconds of Unix time, and limit, which is brought into its bounds.
func replayParams(params map[string]json.RawMessage) (since int64, limit int, valid bool) {
	since, err := strconv.ParseInt(string(params["since"]), 10, 64)
	if err != nil {
		return 0, 0, false
	}
	text := string(params["limit"])
	if text == "" || text == "null" {
		return since, replayLimit, true
	}
	limit, err = strconv.Atoi(text)
	return since, max(1, min(limit, replayLimit)), err == nil
}

func (a *authorizer) replay(ctx context.Context, topic string, since int64, limit int) ([]row, error) {
	conn, err := a.acquire(ctx)
	if err != nil {
		return nil, err
	}
	defer conn.Release()
	ctx, cancel := context.WithTimeout(ctx, replayTimeout)
	defer cancel()
	// A failed query leaves its error in the rows, where CollectRows finds it.
	found, _ := conn.Query(ctx, messageReplay, topic, since, limit)
	rows, err := pgx.CollectRows(found, scanReplayed)
	if err != nil {
		return nil, fmt.Errorf("read messages of topic %s: %w", topic, err)
	}
	slices.Reverse(rows)
	return rows, nil
}

func scanReplayed(found pgx.CollectableRow) (row, error) {
	r := row{private: true}
	err := found.Scan(&r.id, &r.topic, &r.event, &r.raw, &r.payload)
	return r, err
}

// remember notes which messages the join brings. Nobody else may know the channel yet.
func (c *channel) remember(past []row) {
	if len(past) == 0 {
		return
	}
	c.replayed = make(map[string]bool, len(past))
	for _, message := range past {
		c.replayed[message.id] = true
	}
}

// writeReplayed queues a message of the past. Unlike a live one it carries the join_ref, and it comes as text unless its
// payload is bytes, which the first serializer cannot hold.
func (c *channel) writeReplayed(r row) {
	user := r.user(mustMarshal(struct {
		ID       string `json:"id"`
		Replayed bool   `json:"replayed"`
	}{r.id, true}))
	if !r.raw {
		c.socket.write(c.joinRef, noRef, c.topic, eventBroadcast, user.object())
		return
	}
	if f := c.socket.encoding.user(c.topic, user); f != nil {
		c.socket.queue.push(f)
	}
}
