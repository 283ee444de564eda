package main

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// written is what a conversation's outbox holds: messages with these ids, numbered from 1.
func written(ids ...string) []committed {
	events := make([]committed, len(ids))
	for i, id := range ids {
		payload := map[string]any{"id": id, "seq": float64(i + 1)}
		events[i] = committed{ID: id, Seq: int64(i + 1), Kind: "message", Payload: payload}
	}
	return events
}

// report is what a subscriber says that accepted these.
func report(t *testing.T, text string) received {
	t.Helper()
	var got received
	require.NoError(t, json.Unmarshal([]byte(text), &got))
	return got
}

func TestJudge(t *testing.T) {
	t.Parallel()
	const (
		a = `{"event": "message", "payload": {"id": "a", "seq": 1}}`
		b = `{"event": "message", "payload": {"id": "b", "seq": 2}}`
		c = `{"event": "message", "payload": {"id": "c", "seq": 3}}`
	)
	judged := func(t *testing.T, events string) verdict {
		t.Helper()
		got := report(t, `{"events": [`+events+`], "heard": ["a", "b", "c"]}`)
		return judge(map[string][]committed{"one": written("a", "b", "c")}, map[string]received{"one": got})
	}

	t.Run("the committed events in order are right", func(t *testing.T) {
		t.Parallel()
		v := judged(t, a+","+b+","+c)
		assert.True(t, v.ok())
		assert.Equal(t, 3, v.committed)
		assert.Equal(t, 3, v.delivered)
		assert.Empty(t, v.first)
	})
	t.Run("a missing event is lost", func(t *testing.T) {
		t.Parallel()
		v := judged(t, a+","+c)
		assert.False(t, v.ok())
		assert.Equal(t, 1, v.lost)
		assert.Contains(t, v.first, "conversation one")
		assert.Contains(t, v.first, "committed #2 message id=b")
	})
	t.Run("a swapped pair is out of order", func(t *testing.T) {
		t.Parallel()
		v := judged(t, b+","+a+","+c)
		assert.False(t, v.ok())
		assert.Equal(t, 1, v.outOfOrder)
		assert.Zero(t, v.lost)
	})
	t.Run("an event accepted twice is a duplicate", func(t *testing.T) {
		t.Parallel()
		v := judged(t, a+","+b+","+b+","+c)
		assert.False(t, v.ok())
		assert.Equal(t, 1, v.duplicates)
	})
	t.Run("another content is altered", func(t *testing.T) {
		t.Parallel()
		v := judged(t, a+","+b+`,{"event": "message", "payload": {"id": "c", "seq": 3, "extra": true}}`)
		assert.False(t, v.ok())
		assert.Equal(t, 1, v.altered)
	})
	t.Run("what nobody committed is invented", func(t *testing.T) {
		t.Parallel()
		v := judged(t, a+","+b+","+c+`,{"event": "message", "payload": {"id": "x", "seq": 4}}`)
		assert.False(t, v.ok())
		assert.Equal(t, 1, v.invented)
	})
	t.Run("a conversation without a report has lost everything", func(t *testing.T) {
		t.Parallel()
		v := judge(map[string][]committed{"one": written("a", "b")}, nil)
		assert.False(t, v.ok())
		assert.Equal(t, 2, v.lost)
		assert.Equal(t, 2, v.unheard)
	})
	t.Run("what was healed and never broadcast is counted", func(t *testing.T) {
		t.Parallel()
		got := report(t, `{"events": [`+a+`,`+b+`], "healed": 1, "heard": ["b"], "gaps": [{"at": 1, "after": 0, "got": 2}]}`)
		v := judge(map[string][]committed{"one": written("a", "b")}, map[string]received{"one": got})
		assert.True(t, v.ok())
		assert.Equal(t, 1, v.unheard)
		require.Len(t, v.early, 1)
		assert.Contains(t, v.early[0].missed, "#1 message id=a never came")
	})
}
