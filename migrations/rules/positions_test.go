package rules_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// told are the positions in the outbox since the last call, by conversation, with their estimates.
func (w *world) told(t *testing.T) map[string]string {
	t.Helper()
	rows, err := w.root.Query(t.Context(), `
		with taken as (delete from handoff.outbox where kind = 'queue_position' returning conversation_id, seq, payload)
		select conversation_id::text,
		       format('%s in %s', payload ->> 'position', payload ->> 'estimated_wait_minutes'),
		       seq = 0 and payload ->> 'conversation_id' = conversation_id::text
		  from taken`)
	require.NoError(t, err)
	told := make(map[string]string)
	var conversation, place string
	var wellFormed bool
	_, err = pgx.ForEachRow(rows, []any{&conversation, &place, &wellFormed}, func() error {
		if _, twice := told[conversation]; twice || !wellFormed {
			return fmt.Errorf("conversation %s was told twice, or with a number", conversation)
		}
		told[conversation] = place
		return nil
	})
	require.NoError(t, err)
	return told
}

func (w *world) refreshPositions(t *testing.T, exact int) int {
	t.Helper()
	var count int
	require.NoError(t, w.root.QueryRow(t.Context(), `select handoff.refresh_positions($1, $2)`, w.project, exact).Scan(&count))
	return count
}

func TestPositionsAreTold(t *testing.T) {
	t.Parallel()

	t.Run("to those who moved, and to nobody else", func(t *testing.T) {
		t.Parallel()
		w := online(t)
		first, second, third := w.waiting(t, w.ann), w.waiting(t, w.bob), w.waiting(t, w.person(t, "", ""))
		assert.Equal(t, 3, w.refreshPositions(t, 200))
		assert.Equal(t, map[string]string{first: "1 in 3", second: "2 in 5", third: "3 in 8"}, w.told(t))
		assert.Zero(t, w.refreshPositions(t, 200), "nothing changed")

		w.exec(t, `update public.conversations set priority = 5 where id = $1`, second)
		w.refreshPositions(t, 200)
		assert.Equal(t, map[string]string{second: "1 in 3", first: "2 in 5"}, w.told(t))

		w.assign(t, second, w.sarah)
		w.refreshPositions(t, 200)
		assert.Equal(t, map[string]string{first: "1 in 3", third: "2 in 5"}, w.told(t))
		assert.Equal(t, 2, read[int](t, w, `select count(*) from handoff.queue_positions`), "who is served is forgotten")
	})

	t.Run("when only the estimate changed", func(t *testing.T) {
		t.Parallel()
		w := online(t)
		id := w.waiting(t, w.ann)
		w.refreshPositions(t, 200)
		w.told(t)
		w.mike.must(t, "set_agent_status($1, 'away')", w.project)
		w.refreshPositions(t, 200)
		assert.Equal(t, map[string]string{id: "1 in 5"}, w.told(t))
		w.sarah.must(t, "set_agent_status($1, 'offline')", w.project)
		w.refreshPositions(t, 200)
		assert.Equal(t, map[string]string{id: "1 in -1"}, w.told(t))
	})

	t.Run("beyond the exact places when they have moved by ten", func(t *testing.T) {
		t.Parallel()
		w := online(t)
		w.fillQueue(t, 30)
		assert.Equal(t, 30, w.refreshPositions(t, 5))
		w.told(t)
		for range 9 {
			w.serveFirst(t)
			assert.Equal(t, 5, w.refreshPositions(t, 5), "the first five")
			w.told(t)
		}
		w.serveFirst(t)
		assert.Equal(t, 20, w.refreshPositions(t, 5), "those who moved from beyond to beyond have moved by ten now")
		w.told(t)
	})

	t.Run("in their own project only, and not in one that is gone", func(t *testing.T) {
		t.Parallel()
		w := online(t)
		w.waiting(t, w.ann)
		assert.Zero(t, read[int](t, w, `select handoff.refresh_positions(gen_random_uuid())`))
		assert.Empty(t, w.told(t))
	})

	t.Run("not in conversation_sync", func(t *testing.T) {
		t.Parallel()
		w := online(t)
		id := w.waiting(t, w.ann)
		before := w.ann.must(t, "conversation_sync($1)", id)
		w.refreshPositions(t, 200)
		assert.Equal(t, before, w.ann.must(t, "conversation_sync($1)", id))
	})
}

// fillQueue puts so many conversations into the queue, all of one age.
func (w *world) fillQueue(t *testing.T, count int) {
	t.Helper()
	w.exec(t, `insert into public.conversations (project_id, visitor_id) select $1, 'queued ' || n from generate_series(1, $2::int) as n`,
		w.project, count)
	w.exec(t, `update public.conversations set status = 'waiting' where project_id = $1 and visitor_id like 'queued %'`, w.project)
}

// serveFirst closes the conversation that is next.
func (w *world) serveFirst(t *testing.T) {
	t.Helper()
	w.exec(t, `
		update public.conversations set status = 'closed', close_reason = 'customer'
		 where id = (select id from public.conversations where project_id = $1 and status = 'waiting'
		              order by priority desc, queue_entered_at, id limit 1)`, w.project)
}

// queueMoves are what can happen to a queue; $1 is the project, $2 a random word that picks the conversation.
var queueMoves = map[string]string{
	"enter": `insert into public.conversations (project_id, visitor_id) select $1, gen_random_uuid()::text where $2::text <> ''`,
	"queue": `update public.conversations set status = 'waiting'
	           where id = (select id from public.conversations where project_id = $1 and status = 'ai_active' order by md5(id::text || $2::text) limit 1)`,
	"press": `update public.conversations set priority = length($2::text) % 4
	           where id = (select id from public.conversations where project_id = $1 and status = 'waiting' order by md5(id::text || $2::text) limit 1)`,
	"leave": `update public.conversations set status = 'closed', close_reason = 'customer'
	           where id = (select id from public.conversations where project_id = $1 and status = 'waiting' order by md5(id::text || $2::text) limit 1)`,
	"delete": `delete from public.conversations
	            where id = (select id from public.conversations where project_id = $1 and status = 'waiting' order by md5(id::text || $2::text) limit 1)`,
	"handle": `update public.conversations set claimed_at = now() - length($2::text) * interval '1 minute', resolved_at = now()
	            where project_id = $1 and status = 'closed'`,
	"away":   `update public.agent_availability set status = 'away' where project_id = $1 and md5(user_id::text || $2::text) < '8'`,
	"online": `update public.agent_availability set status = 'online' where project_id = $1 and $2::text <> ''`,
}

// TestPositionsFollowTheQueue makes random moves and then holds what visitors were last told against what each would be
// answered if they asked.
func TestPositionsFollowTheQueue(t *testing.T) {
	t.Parallel()
	w := online(t)
	names := []string{"enter", "queue", "enter", "queue", "press", "leave", "delete", "handle", "away", "online"}
	told := make(map[string]string)
	rapid.Check(t, func(rt *rapid.T) {
		for _, name := range rapid.SliceOfN(rapid.SampledFrom(names), 1, 12).Draw(rt, "moves") {
			_, err := w.root.Exec(t.Context(), queueMoves[name], w.project, rapid.StringMatching(`[a-z]{1,8}`).Draw(rt, "word"))
			require.NoError(rt, err, name)
		}
		w.refreshPositions(t, 200)
		for id, place := range w.told(t) {
			require.NotEqual(rt, told[id], place, "told although nothing changed")
			told[id] = place
		}
		asked := w.askEverybody(t)
		for id := range told {
			if _, waiting := asked[id]; !waiting {
				delete(told, id)
			}
		}
		require.Equal(rt, asked, told)
	})
}

// askEverybody is what queue_status would answer to each waiting visitor.
func (w *world) askEverybody(t *testing.T) map[string]string {
	t.Helper()
	rows, err := w.root.Query(t.Context(), `
		select conversation.id::text, format('%s in %s', place.answer ->> 'queue_position', place.answer ->> 'estimated_wait_minutes')
		  from public.conversations as conversation
		 cross join lateral (select handoff.queue_place(conversation) as answer) as place
		 where conversation.project_id = $1 and conversation.status = 'waiting'`, w.project)
	require.NoError(t, err)
	asked := make(map[string]string)
	var id, place string
	_, err = pgx.ForEachRow(rows, []any{&id, &place}, func() error { asked[id] = place; return nil })
	require.NoError(t, err)
	return asked
}

// TestPositionsOfALongQueue measures; how long is a matter of the machine, so it asserts only what is told.
func TestPositionsOfALongQueue(t *testing.T) {
	t.Parallel()
	w := online(t)
	w.fillQueue(t, 10_000)
	w.exec(t, `analyze public.conversations`)
	began := time.Now()
	assert.Equal(t, 10_000, w.refreshPositions(t, 200))
	t.Logf("the first refresh of 10,000 waiting took %s", time.Since(began).Round(time.Millisecond))
	for range 3 {
		w.serveFirst(t)
		began = time.Now()
		assert.Equal(t, 200, w.refreshPositions(t, 200))
		t.Logf("the refresh after one was served took %s", time.Since(began).Round(time.Millisecond))
	}
}
