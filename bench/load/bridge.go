package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/supportbase/handoff/bench/gauge"
	"github.com/supportbase/handoff/supabase/local/keys"
)

const (
	subscribed     = 80     // conversations that the subscriber listens to: one socket
	active         = 10_000 // conversations that the worker has to serve
	rounds         = 2      // messages for each of them
	sustainedCount = 20_000
	heavyPerSecond = 1000
	arrivalTimeout = 60 * time.Second
	// The warm-up brings each topic's channel into being, at a pace that joins can follow, and lets plans be made.
	warmUp          = 4 * subscribed
	warmUpPerSecond = 80
	backlogTimeout  = 90 * time.Second
	httpConnections = gauge.Writers
)

// The names of the measurement with many conversations.
const (
	manyTopicsName = "worker at 1000/s, 10000 conversations"
	lagName        = "confirmed after the last"
)

var errStatus = errors.New("unexpected status")

// way is how a committed message gets to the subscriber.
type way struct {
	name string
	// write runs in the writer's transaction, after runs when it has committed.
	write func(ctx context.Context, tx pgx.Tx, topic, payload string) error
	after func(ctx context.Context, topic, payload string) error
}

func nothing(context.Context, string, string) error { return nil }

// bridge measures the way from a commit to a subscriber, beside the other ways that Supabase offers.
func bridge(ctx context.Context, w *world) (*Report, error) {
	report := newReport("bridge")
	var err error
	if report.Postgres, err = w.version(ctx); err != nil {
		return nil, err
	}
	if err := w.exec(ctx, `create table if not exists public.bench_rows (topic text, payload jsonb)`); err != nil {
		return nil, err
	}
	if err := w.startWorker(ctx); err != nil {
		return nil, err
	}
	for _, one := range []struct {
		name    string
		measure func(context.Context, *Report) error
	}{{"ways", w.compareAll}, {"sustained", w.sustained}, {"topics", w.manyTopics}, {"drain", w.drain}} {
		if w.part != "" && w.part != one.name {
			continue
		}
		if err := one.measure(ctx, report); err != nil {
			return nil, err
		}
	}
	report.bridgeGoals()
	return report, nil
}

// bridgeGoals sets what was measured beside its targets.
func (r *Report) bridgeGoals() {
	value := func(what, name string) float64 {
		if found := r.find(what, name); found != nil {
			return found.Value
		}
		return 0
	}
	others := func(at string) []Anchor {
		return []Anchor{{"realtime.send", value("realtime.send"+at, "p50")}, {"http single", value("http single"+at, "p50")}}
	}
	if p50 := value("bridge at 50/s", "p50"); p50 > 0 {
		r.goal("commit to subscriber at 50/s, p50", "ms", p50, others(" at 50/s"), aim{most: 2, meaning: "under 2 ms"})
		r.goal("commit to subscriber at 1000/s, p50", "ms", value("bridge at 1000/s", "p50"), others(" at 1000/s"))
	}
	if rss := value(manyTopicsName, "rss peak"); rss > 0 {
		r.goal("memory at 1000/s to 10,000 conversations", "MB", rss, nil, aim{most: 60, meaning: "under 60 MB"})
		r.goal("last message confirmed after", "s", value(manyTopicsName, lagName), nil, aim{most: 5, meaning: "not falling behind"})
	}
	if changes := value("drain by the stream", "changes"); changes > 0 {
		r.goal("backlog read", "/s", changes, []Anchor{{"pg_recvlogical", value("drain by pg_recvlogical", "changes")}},
			aim{of: "pg_recvlogical", least: 1, meaning: "at least its speed"})
	}
}

func (w *world) compareAll(ctx context.Context, report *Report) error {
	for _, perSecond := range []int{50, heavyPerSecond} {
		if err := w.compareWays(ctx, report, perSecond); err != nil {
			return err
		}
	}
	return nil
}

// compareWays measures the ways one after the other at the same rate.
func (w *world) compareWays(ctx context.Context, report *Report, perSecond int) error {
	at := fmt.Sprintf(" at %d/s", perSecond)
	for _, one := range w.ways() {
		arrivals, reached, err := w.timeWay(ctx, one, perSecond)
		if err != nil {
			return fmt.Errorf("measure %s%s: %w", one.name, at, err)
		}
		report.addLatencies(one.name+at, arrivals.Latencies(warmUp))
		report.add(one.name+at, "written", reached, "/s")
		report.add(one.name+at, "missing", float64(arrivals.Missing()), "messages")
	}
	report.relate("bridge"+at, "realtime.send"+at)
	report.relate("http single"+at, "realtime.send"+at)
	return nil
}

func (w *world) ways() []way {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: httpConnections}, Timeout: arrivalTimeout}
	return []way{
		{"bridge", writeOutbox, nothing},
		{"realtime.send", func(ctx context.Context, tx pgx.Tx, topic, payload string) error {
			_, err := tx.Exec(ctx, `select realtime.send($1::jsonb, 'message', $2, true)`, payload, topic)
			return err
		}, nothing},
		{"http single", func(ctx context.Context, tx pgx.Tx, topic, payload string) error {
			_, err := tx.Exec(ctx, `insert into public.bench_rows values ($2, $1::jsonb)`, payload, topic)
			return err
		}, func(ctx context.Context, topic, payload string) error {
			return post(ctx, client, w.standIn.URL+"/realtime/v1/api/broadcast/"+topic+"/events/message?private=true", payload)
		}},
	}
}

func writeOutbox(ctx context.Context, tx pgx.Tx, topic, payload string) error {
	_, err := tx.Exec(ctx, `
		insert into handoff.outbox (project_id, conversation_id, kind, seq, payload)
		values ('00000000-0000-4000-8000-000000000001', $2, 'message', 1, $1::jsonb)`, payload, strings.TrimPrefix(topic, "conversation:"))
	return err
}

func post(ctx context.Context, client *http.Client, address, payload string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(payload))
	if err != nil {
		return fmt.Errorf("make request: %w", err)
	}
	request.Header.Set("Apikey", keys.Secret)
	request.Header.Set("Content-Type", "application/json")
	answer, err := client.Do(request)
	if err != nil {
		return fmt.Errorf("post broadcast: %w", err)
	}
	defer answer.Body.Close()
	if _, err := io.Copy(io.Discard, answer.Body); err != nil {
		return fmt.Errorf("post broadcast: %w", err)
	}
	if answer.StatusCode != http.StatusAccepted {
		return fmt.Errorf("post broadcast: %w: %s", errStatus, answer.Status)
	}
	return nil
}

func topics(count int) []string {
	made := make([]string, count)
	for i := range made {
		made[i] = "conversation:" + uuid.NewString()
	}
	return made
}

// payload is a message of 200 letters that carries its number.
func payload(topic string, n int) string {
	text := gauge.Mark(n)
	text += strings.Repeat("x", 200-len(text))
	return fmt.Sprintf(`{"message": {"id": %q, "conversation_id": %q, "seq": 1, "sender_type": "ai", "content": %q, "metadata": {}, "created_at": "2026-01-01T00:00:00Z"}}`,
		uuid.NewString(), strings.TrimPrefix(topic, "conversation:"), text)
}

func (w *world) timeWay(ctx context.Context, one way, perSecond int) (*gauge.Arrivals, float64, error) {
	count := warmUp + perSecond*w.seconds
	a, rooms := gauge.NewArrivals(count), topics(subscribed)
	subscriber, err := gauge.Listen(ctx, w.standIn.URL, keys.Secret, rooms, a.Hear)
	if err != nil {
		return nil, 0, err
	}
	defer subscriber.Close()
	if err := w.warm(ctx, one, rooms, a); err != nil {
		return nil, 0, err
	}
	reached, err := gauge.Pace(ctx, perSecond, count-warmUp, func(ctx context.Context, n int) error {
		return w.send(ctx, one, rooms[n%len(rooms)], warmUp+n, a)
	})
	if err != nil {
		return nil, 0, err
	}
	a.All(ctx, count, arrivalTimeout)
	return a, reached, nil
}

// warm sends the first messages of the arrivals and waits for them.
func (w *world) warm(ctx context.Context, one way, rooms []string, a *gauge.Arrivals) error {
	_, err := gauge.Pace(ctx, warmUpPerSecond, warmUp, func(ctx context.Context, n int) error {
		return w.send(ctx, one, rooms[n%len(rooms)], n, a)
	})
	if err != nil {
		return err
	}
	a.All(ctx, warmUp, arrivalTimeout)
	return nil
}

// send writes one message in a transaction of its own and notes the moment before the commit.
func (w *world) send(ctx context.Context, one way, topic string, n int, a *gauge.Arrivals) error {
	text := payload(topic, n)
	tx, err := w.owner.Begin(ctx)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	if err := one.write(ctx, tx, topic, text); err != nil {
		return errors.Join(fmt.Errorf("write message %d: %w", n, err), tx.Rollback(ctx))
	}
	a.Commits(n)
	if err := tx.Commit(ctx); err != nil {
		return fmt.Errorf("commit message %d: %w", n, err)
	}
	return one.after(ctx, topic, text)
}

// sustained is how many messages a second get through when there is always another one: a single transaction has them all.
func (w *world) sustained(ctx context.Context, report *Report) error {
	a, rooms := gauge.NewArrivals(warmUp+sustainedCount), topics(subscribed)
	subscriber, err := gauge.Listen(ctx, w.standIn.URL, keys.Secret, rooms, a.Hear)
	if err != nil {
		return err
	}
	defer subscriber.Close()
	if err := w.warm(ctx, w.ways()[0], rooms, a); err != nil {
		return err
	}
	if err := w.burst(ctx, rooms); err != nil {
		return err
	}
	committed := a.Since()
	a.All(ctx, warmUp+sustainedCount, arrivalTimeout)
	took := a.Last() - committed
	report.add("sustained", "messages", float64(a.Count()-warmUp)/took.Seconds(), "/s")
	report.add("sustained", "missing", float64(a.Missing()), "messages")
	return nil
}

// burst commits sustainedCount messages at once, numbered on from the warm-up's.
func (w *world) burst(ctx context.Context, rooms []string) error {
	ids := make([]string, len(rooms))
	for i, topic := range rooms {
		ids[i] = strings.TrimPrefix(topic, "conversation:")
	}
	return w.exec(ctx, `
		insert into handoff.outbox (project_id, conversation_id, kind, seq, payload)
		select '00000000-0000-4000-8000-000000000001', room.id, 'message', 1, jsonb_build_object('message', jsonb_build_object(
		         'id', gen_random_uuid(), 'conversation_id', room.id, 'seq', 1, 'sender_type', 'ai', 'metadata', '{}'::jsonb,
		         'content', $2 || (n - 1 + $4) || '-' || repeat('x', 180), 'created_at', now()))
		  from generate_series(1, $3::integer) as n, lateral (select ($1::uuid[])[1 + n % cardinality($1::uuid[])] as id) as room`,
		ids, gauge.Marker, sustainedCount, warmUp)
}

// manyTopics is what the worker uses while a thousand messages a second go to ten thousand conversations.
func (w *world) manyTopics(ctx context.Context, report *Report) error {
	what := manyTopicsName
	if runtime.GOOS != "linux" {
		report.leave(what, "only Linux tells what another process uses")
		return nil
	}
	w.stopWorker() // its peak of memory is another measurement's
	if err := w.startWorker(ctx); err != nil {
		return err
	}
	before, err := usageOf(w.worker.PID())
	if err != nil {
		return err
	}
	began, count := time.Now(), max(rounds*active, heavyPerSecond*w.seconds)
	reached, err := w.spread(ctx, count)
	if err != nil {
		return err
	}
	report.add(what, "written", reached, "/s")
	written := time.Now()
	if err := w.drained(ctx, backlogTimeout); err == nil {
		report.add(what, "confirmed", float64(count)/time.Since(began).Seconds(), "/s")
		// The worker tells the database once a second, so up to that long is not lag.
		report.add(what, lagName, time.Since(written).Seconds(), "s")
	} else {
		report.leave(what+" until confirmed", err.Error())
	}
	took := time.Since(began)
	after, err := usageOf(w.worker.PID())
	if err != nil {
		return err
	}
	report.add(what, "cpu", 100*(after.cpu-before.cpu).Seconds()/took.Seconds(), "%")
	report.add(what, "rss peak", after.peakMB, "MB")
	return nil
}

// spread writes messages to one conversation after the other and returns the rate reached. Nobody listens to them.
func (w *world) spread(ctx context.Context, count int) (float64, error) {
	rooms, unheard, bridge := topics(active), gauge.NewArrivals(count), w.ways()[0]
	return gauge.Pace(ctx, heavyPerSecond, count, func(ctx context.Context, n int) error {
		return w.send(ctx, bridge, rooms[n%len(rooms)], n, unheard)
	})
}
