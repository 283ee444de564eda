package rules_test

import (
	"context"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

const (
	// modelStatsVariable names a file that gets the numbers of the last run, for the summary of the tests.
	modelStatsVariable = "HANDOFF_MODEL_STATS"
	// stepTimeout ends a step whose operations wait for each other.
	stepTimeout = 20 * time.Second
	// mostAtOnce operations make a step: their orders can all be tried.
	mostAtOnce = 4
)

// TestModel walks at random through what agents, visitors, the AI, the worker and the service can do, legal or not, up to
// four at the same moment, and holds the database after every step against the rules as Go functions: the answers and
// the state must be those of some order of the operations. -rapid.checks and -rapid.steps make it longer.
func TestModel(t *testing.T) {
	t.Parallel()
	shared := newWorld(t)
	shared.openAPI(t, mostAtOnce)
	// The events of one walk are read after each of its steps.
	shared.exec(t, `create index on handoff.outbox (project_id)`)
	stats := modelStats{t: t}
	rapid.Check(t, func(rt *rapid.T) {
		walk := &modelWalk{m: newModelWorld(t, shared), mix: modelMix, stats: &stats}
		walk.begin(rt)
		if rapid.Bool().Draw(rt, "in the middle of a busy day") {
			walk.busyDay(rt, []string{"sarah"}, []string{"mike"}, modelTeam)
		}
		rt.Repeat(walk.steps())
	})
	assertInvariants(t, shared)
	stats.report(os.Getenv(modelStatsVariable))
}

// modelStats counts what the walks did.
type modelStats struct {
	t                           *testing.T
	steps, operations, refusals int
	failed                      bool
}

// failure tells of the first failure at once: walks that are walked again to find a shorter one may not meet in the same way,
// and then nothing else would tell of it.
func (s *modelStats) failure(text string) {
	s.t.Helper()
	if !s.failed {
		s.t.Log(text)
	}
	s.failed = true
}

func (s *modelStats) report(path string) {
	t := s.t
	t.Helper()
	line := fmt.Sprintf("model_steps=%d model_operations=%d model_refusals=%d", s.steps, s.operations, s.refusals)
	t.Log(line)
	if path != "" {
		require.NoError(t, os.WriteFile(path, []byte(line+"\n"), 0o600))
	}
}

// modelWalk is one walk: the project in the database, and where the rules say that it stands.
type modelWalk struct {
	m     *modelWorld
	mix   []string
	state modelState
	stats *modelStats
}

// begin takes the team as it was hired; step 1 comes next.
func (w *modelWalk) begin(rt *rapid.T) {
	seen, err := w.m.observe(rt.Context())
	require.NoError(rt, err)
	require.Empty(rt, seen.Chats)
	w.state = seen.modelState
}

// steps are what a walk is made of.
func (w *modelWalk) steps() map[string]func(*rapid.T) {
	return map[string]func(*rapid.T){
		"one":      func(rt *rapid.T) { w.step(rt, 1) },
		"together": func(rt *rapid.T) { w.step(rt, rapid.IntRange(2, mostAtOnce).Draw(rt, "operations")) },
	}
}

// busyDay brings one of the teams online and the visitors into the queue, so that a walk has something to go wrong with.
func (w *modelWalk) busyDay(rt *rapid.T, teams ...[]string) {
	for _, agent := range rapid.SampledFrom(teams).Draw(rt, "online") {
		w.together(rt, agentGoes(agent, agent, "online"))
	}
	for _, visitor := range modelVisitors {
		w.together(rt, visitorStarts(visitor))
		w.together(rt, visitorAsks(visitor, chatName(visitor, 1)))
	}
}

// step does some operations at once.
func (w *modelWalk) step(rt *rapid.T, operations int) {
	w.focus(rt, operations)
	ops := make([]modelOp, operations)
	for i := range ops {
		ops[i] = modelKinds[evenly(w.mix).Draw(rt, "operation")](rt, w.m)
	}
	w.together(rt, ops...)
}

// focus makes the operations of many a step meet: they are about one conversation, or done by one agent.
func (w *modelWalk) focus(rt *rapid.T, operations int) {
	w.m.oneChat, w.m.oneAgent = "", noAgent
	if operations == 1 {
		return
	}
	switch rapid.SampledFrom([]string{"nothing", "a conversation", "an agent"}).Draw(rt, "common to all is") {
	case "a conversation":
		w.m.oneChat = drawChat(rt, w.m)
	case "an agent":
		w.m.oneAgent = rapid.SampledFrom(modelTeam).Draw(rt, "agent")
	}
}

// together does the operations at the same moment and finds the order that explains what came of them.
func (w *modelWalk) together(rt *rapid.T, ops ...modelOp) {
	answers := w.perform(rt.Context(), ops)
	w.count(answers)
	seen, err := w.m.observe(rt.Context())
	require.NoError(rt, err, describeOps(ops, answers))

	w.state.Step, w.state.crowd = seen.Step, len(ops) > 1
	if !stepExplained(w.state, ops, answers, seen.modelState) {
		w.fail(rt, ops, answers, seen)
	}
	w.state = seen.modelState
	assertDerived(rt, seen)
}

// perform does the operations at the same moment.
func (w *modelWalk) perform(ctx context.Context, ops []modelOp) []string {
	ctx, cancel := context.WithTimeout(ctx, stepTimeout)
	defer cancel()
	answers := make([]string, len(ops))
	start := make(chan struct{})
	var group sync.WaitGroup
	for i, op := range ops {
		group.Go(func() {
			<-start
			answers[i] = op.do(ctx, w.m)
		})
	}
	close(start)
	group.Wait()
	return answers
}

func (w *modelWalk) count(answers []string) {
	w.stats.steps++
	w.stats.operations += len(answers)
	for _, answer := range answers {
		if strings.HasPrefix(answer, "PT") {
			w.stats.refusals++
		}
	}
}

// stepExplained tries the orders of the operations until one gives the answers and the state that were seen. An order is
// given up at the first answer that differs, or when what has come of it is not among what was seen.
func stepExplained(s modelState, ops []modelOp, answers []string, seen modelState) bool {
	if len(ops) == 0 {
		return sameState(s, seen)
	}
	if !leadsTo(s, seen) {
		return false
	}
	for i, op := range ops {
		if op.first != nil {
			if firstExplained(s, ops, i, answers, seen) {
				return true
			}
			continue
		}
		otherOps, otherAnswers := withoutIndex(ops, i), withoutIndex(answers, i)
		for _, outcome := range op.outcomes(s) {
			if outcome.answer == answers[i] && stepExplained(outcome.state, otherOps, otherAnswers, seen) {
				return true
			}
		}
	}
	return false
}

// firstExplained is stepExplained when the first transaction of an operation of two comes next.
func firstExplained(s modelState, ops []modelOp, index int, answers []string, seen modelState) bool {
	outcomes := ops[index].first(s)
	ops = slices.Clone(ops)
	ops[index].first = nil
	for _, after := range outcomes {
		if stepExplained(after, ops, answers, seen) {
			return true
		}
	}
	return false
}

func withoutIndex[T any](list []T, index int) []T {
	rest := make([]T, 0, len(list)-1)
	rest = append(rest, list[:index]...)
	return append(rest, list[index+1:]...)
}

func sameState(s, seen modelState) bool {
	s.crowd, seen.crowd = false, false
	return reflect.DeepEqual(s, seen)
}

// leadsTo says whether the state may still become what was seen: events are never taken back, nor how an offer ended.
func leadsTo(s, seen modelState) bool {
	for name, chat := range s.Chats {
		later := seen.Chats[name]
		if len(chat.Events) > len(later.Events) || len(chat.Offers) > len(later.Offers) ||
			!slices.Equal(chat.Events, later.Events[:len(chat.Events)]) {
			return false
		}
		for i, offer := range chat.Offers {
			if !offer.leadsTo(later.Offers[i]) {
				return false
			}
		}
	}
	return true
}

// assertDerived checks what the database computes from its state: the counts, and the queue (F001 5.4.3): by priority,
// then by the moment of entry.
func assertDerived(rt *rapid.T, seen observation) {
	for agent := range seen.Agents {
		assert.Equal(rt, seen.count(agent), seen.Counts[agent], "chats of %s", agent)
		assert.Equal(rt, seen.offered(agent), seen.OfferCounts[agent], "open offers of %s", agent)
	}
	assertOffersTold(rt, seen)
	waiting := 0
	for _, chat := range seen.Chats {
		if chat.Status == "waiting" {
			waiting++
		}
	}
	require.Len(rt, seen.Queue, waiting, "the queue: %v", seen.Queue)
	for i := 1; i < len(seen.Queue); i++ {
		before, after := seen.Chats[seen.Queue[i-1]], seen.Chats[seen.Queue[i]]
		inOrder := before.Priority > after.Priority || (before.Priority == after.Priority && before.Entered <= after.Entered)
		assert.True(rt, inOrder, "the queue: %v", seen.Queue)
	}
}

// fail shows what was done and answered, and how the state differs from what the operations give in the order listed.
func (w *modelWalk) fail(rt *rapid.T, ops []modelOp, answers []string, seen observation) {
	expected, s := make([]string, len(ops)), w.state
	for i, op := range ops {
		if op.first != nil {
			s = op.first(s)[0]
		}
		outcome := op.outcome(s)
		s, expected[i] = outcome.state, outcome.answer
	}
	s.crowd = false
	var text failureText
	text.Errorf("no order explains step %d:\n%s\nIn the order listed the rules answer:\n%s",
		seen.Step, describeOps(ops, answers), describeOps(ops, expected))
	assert.Equal(&text, s, seen.modelState, "the state in the order listed, and in the database")
	w.stats.failure(text.String())
	rt.Error(text.String())
	rt.FailNow()
}

// failureText is a test that only writes down how it failed.
type failureText struct{ strings.Builder }

func (f *failureText) Errorf(format string, args ...any) { _, _ = fmt.Fprintf(f, format, args...) }

func describeOps(ops []modelOp, answers []string) string {
	lines := make([]string, len(ops))
	for i, op := range ops {
		lines[i] = "  " + op.name + " -> " + answers[i]
	}
	return strings.Join(lines, "\n")
}
