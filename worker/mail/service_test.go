package mail_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/supportbase/handoff/worker/mail"
)

// mailbox stands for the database, with the bubble's clock.
type mailbox struct {
	mu       sync.Mutex
	due      map[int64]time.Time
	attempts map[int64]int
	failures map[int64][]mail.Failure
	sent     map[int64]bool
	down     int // that many claims fail first
	forget   int // that many notes of a sending fail first
}

func newMailbox(ids ...int64) *mailbox {
	box := &mailbox{
		due: map[int64]time.Time{}, attempts: map[int64]int{}, failures: map[int64][]mail.Failure{}, sent: map[int64]bool{},
	}
	for _, id := range ids {
		box.due[id] = time.Now()
	}
	return box
}

var errDown = errors.New("database is down")

func (b *mailbox) Claim(_ context.Context, most int, lease time.Duration) ([]mail.Mail, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.down > 0 {
		b.down--
		return nil, errDown
	}
	var claimed []mail.Mail
	for id, due := range b.due {
		if len(claimed) < most && !due.After(time.Now()) {
			b.attempts[id]++
			b.due[id] = time.Now().Add(lease)
			claimed = append(claimed, mail.Mail{
				ID: id, ProjectID: project, Kind: mail.KindOfflineConfirmation, Recipient: fmt.Sprintf("%d@example.com", id),
				Data: json.RawMessage(`{}`), Attempt: b.attempts[id],
			})
		}
	}
	return claimed, nil
}

func (b *mailbox) Sent(ctx context.Context, id int64) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.forget > 0 {
		b.forget--
		return errDown
	}
	delete(b.due, id)
	b.sent[id] = true
	return nil
}

func (b *mailbox) Failed(ctx context.Context, claimed mail.Mail, failure mail.Failure) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.failures[claimed.ID] = append(b.failures[claimed.ID], failure)
	b.due[claimed.ID] = time.Now().Add(failure.Pause)
	if failure.Permanent {
		delete(b.due, claimed.ID)
	}
	return nil
}

// sender answers each letter as the test wants and counts what it was given.
type sender struct {
	answer func(ctx context.Context, letter mail.Letter) error

	mu      sync.Mutex
	letters []mail.Letter
	now     int
	most    int
}

func (s *sender) Send(ctx context.Context, letter mail.Letter) error {
	s.mu.Lock()
	s.letters = append(s.letters, letter)
	s.now++
	s.most = max(s.most, s.now)
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.now--
	}()
	return s.answer(ctx, letter)
}

func (s *sender) keys() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var keys []string
	for _, letter := range s.letters {
		keys = append(keys, letter.Key)
	}
	return keys
}

func accept(context.Context, mail.Letter) error { return nil }

// begin starts a service and stops it with the test.
func begin(t *testing.T, box *mailbox, sender *sender) *mail.Service {
	t.Helper()
	service := mail.New(mail.Options{
		Mailbox: box, Sender: sender, Templates: builtIn(t), Logger: slog.New(slog.DiscardHandler),
	})
	service.Start(t.Context())
	return service
}

// pass lets the bubble's clock run.
func pass(duration time.Duration) { <-time.After(duration) }

func TestServiceSends(t *testing.T) {
	t.Parallel()

	t.Run("what is due at once, and what comes within an interval", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			box, out := newMailbox(1), &sender{answer: accept}
			service := begin(t, box, out)
			synctest.Wait()
			assert.Equal(t, map[int64]bool{1: true}, box.sent)
			box.mu.Lock()
			box.due[2] = time.Now()
			box.mu.Unlock()
			pass(15 * time.Second)
			synctest.Wait()
			assert.Equal(t, map[int64]bool{1: true, 2: true}, box.sent)
			service.Stop(t.Context())
			assert.Len(t, out.letters, 2)
		})
	})

	t.Run("more than a batch without waiting, four at once", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			box := newMailbox()
			for id := range int64(50) {
				box.due[id] = time.Now()
			}
			out := &sender{answer: func(context.Context, mail.Letter) error { pass(time.Millisecond); return nil }}
			service := begin(t, box, out)
			pass(time.Second)
			service.Stop(t.Context())
			assert.Len(t, box.sent, 50)
			assert.Equal(t, 4, out.most)
		})
	})

	t.Run("after the mailbox was away", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			box, out := newMailbox(1), &sender{answer: accept}
			box.down = 2
			service := begin(t, box, out)
			pass(31 * time.Second)
			service.Stop(t.Context())
			assert.Len(t, box.sent, 1)
		})
	})
}

// refused is a letter that will never be taken.
type refused struct{}

func (refused) Error() string   { return "no such mailbox" }
func (refused) Permanent() bool { return true }

func TestServiceAfterFailures(t *testing.T) {
	t.Parallel()

	t.Run("tries again after pauses that grow to an hour", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			box := newMailbox(1)
			out := &sender{answer: func(context.Context, mail.Letter) error { return errors.New("try later") }}
			service := begin(t, box, out)
			pass(24 * time.Hour)
			service.Stop(t.Context())
			failures := box.failures[1]
			require.Greater(t, len(failures), 24)
			for i, failure := range failures {
				longest := min(30*time.Second<<min(i, 10), time.Hour)
				assert.LessOrEqual(t, failure.Pause, longest)
				assert.GreaterOrEqual(t, failure.Pause, longest/2)
				assert.Equal(t, "try later", failure.Reason)
				assert.False(t, failure.Permanent)
			}
		})
	})

	t.Run("not again when the letter was refused for good", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			box := newMailbox(1)
			out := &sender{answer: func(context.Context, mail.Letter) error { return fmt.Errorf("send: %w", refused{}) }}
			service := begin(t, box, out)
			pass(time.Hour)
			service.Stop(t.Context())
			require.Len(t, box.failures[1], 1)
			assert.True(t, box.failures[1][0].Permanent)
			assert.Len(t, out.letters, 1)
		})
	})

	t.Run("a sender that hangs is cut off and holds up nobody else", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			box := newMailbox(1, 2)
			out := &sender{answer: func(ctx context.Context, letter mail.Letter) error {
				if letter.Recipient == "1@example.com" {
					<-ctx.Done()
					return ctx.Err()
				}
				return nil
			}}
			service := begin(t, box, out)
			pass(31 * time.Second)
			service.Stop(t.Context())
			assert.True(t, box.sent[2])
			require.NotEmpty(t, box.failures[1])
		})
	})

	t.Run("a sending that could not be noted is repeated with the same key", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			box, out := newMailbox(1), &sender{answer: accept}
			box.forget = 1
			service := begin(t, box, out)
			pass(30 * time.Minute)
			service.Stop(t.Context())
			assert.True(t, box.sent[1])
			assert.Equal(t, []string{"mail-1." + project, "mail-1." + project}, out.keys())
		})
	})
}

func TestServiceStops(t *testing.T) {
	t.Parallel()

	t.Run("after the letters on their way, and puts the others back", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			box := newMailbox(1, 2, 3, 4, 5, 6)
			out := &sender{answer: func(context.Context, mail.Letter) error { pass(5 * time.Second); return nil }}
			service := begin(t, box, out)
			synctest.Wait()
			service.Stop(t.Context())
			assert.Len(t, box.sent, 4)
			assert.Len(t, box.failures, 2)
			for id := range box.failures {
				assert.False(t, box.due[id].After(time.Now()), "due again at once")
			}
		})
	})

	t.Run("at the end of its grace whatever a sender does", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			box := newMailbox(1)
			out := &sender{answer: func(ctx context.Context, _ mail.Letter) error { <-ctx.Done(); return ctx.Err() }}
			service := begin(t, box, out)
			synctest.Wait()
			graceCtx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			began := time.Now()
			service.Stop(graceCtx)
			assert.Equal(t, time.Second, time.Since(began))
			assert.Len(t, box.failures[1], 1)
		})
	})

	t.Run("without having been started", func(t *testing.T) {
		t.Parallel()
		mail.New(mail.Options{
			Mailbox: newMailbox(), Sender: &sender{}, Templates: builtIn(t), Logger: slog.New(slog.DiscardHandler),
		}).Stop(t.Context())
	})
}

func TestNewDemandsItsParts(t *testing.T) {
	t.Parallel()
	assert.Panics(t, func() { mail.New(mail.Options{}) })
}
