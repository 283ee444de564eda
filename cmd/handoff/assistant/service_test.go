package assistant_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/supportbase/handoff/cmd/handoff/assistant"
)

// desk keeps one question open until it is answered, and fails a number of times first.
type desk struct {
	mu       sync.Mutex
	failures int
	open     []assistant.Question
	answered []assistant.Answer
}

func (d *desk) Unanswered(context.Context, time.Duration) ([]assistant.Question, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.failures > 0 {
		d.failures--
		return nil, errors.New("the database is away")
	}
	return d.open, nil
}

func (d *desk) Answer(_ context.Context, _ assistant.Question, answer assistant.Answer) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.open, d.answered = nil, append(d.answered, answer)
	return nil
}

func TestService(t *testing.T) {
	t.Parallel()

	t.Run("answers what is open, also after an outage, which it mentions once", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			var logged bytes.Buffer
			fake := &desk{failures: 5, open: []assistant.Question{{ConversationID: "c", MessageID: "m", Text: "Can I return it?"}}}
			service := assistant.New(fake, slog.New(slog.NewTextHandler(&logged, nil)))
			service.Start(t.Context())
			time.Sleep(10 * time.Second) //nolint:forbidigo // the clock is synctest's: it passes at once
			service.Stop()
			assert.Len(t, fake.answered, 1)
			assert.Equal(t, 1, strings.Count(logged.String(), "cannot answer"))
		})
	})
}
