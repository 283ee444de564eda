package mail

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// Options configure a Service. All but the durations and numbers are required.
type Options struct {
	Mailbox   Mailbox
	Sender    Sender
	Templates *Templates
	Logger    *slog.Logger
	// Interval is how often the mailbox is looked at. Default 15 s.
	Interval time.Duration
	// SendTimeout bounds one sending. Default 30 s.
	SendTimeout time.Duration
	// AtOnce bounds how many letters are on their way. Default 4.
	AtOnce int
	// Batch is how many mails one claim takes. Default 20.
	Batch int
}

const (
	defaultInterval    = 15 * time.Second
	defaultSendTimeout = 30 * time.Second
	defaultAtOnce      = 4
	defaultBatch       = 20
	// mailboxTimeout bounds one call of the mailbox.
	mailboxTimeout = 10 * time.Second
	// firstPause and longestPause bound how long a mail rests after a failure; the pause doubles with each.
	firstPause   = 30 * time.Second
	longestPause = time.Hour
)

func (o Options) withDefaults() Options {
	if o.Interval <= 0 {
		o.Interval = defaultInterval
	}
	if o.SendTimeout <= 0 {
		o.SendTimeout = defaultSendTimeout
	}
	if o.AtOnce <= 0 {
		o.AtOnce = defaultAtOnce
	}
	if o.Batch <= 0 {
		o.Batch = defaultBatch
	}
	return o
}

// lease covers the slowest batch: each turn of AtOnce letters sent and noted at the last moment, and one turn to spare.
func (o Options) lease() time.Duration {
	turns := (o.Batch+o.AtOnce-1)/o.AtOnce + 1
	return time.Duration(turns) * (o.SendTimeout + mailboxTimeout)
}

// Service sends the mail of a mailbox, once at the start and then at each interval. Create it with New, then Start, Stop.
// Several may work on one mailbox.
type Service struct {
	options Options
	tally   tally

	mu      sync.Mutex
	cancel  context.CancelFunc // stops taking mail
	abort   context.CancelFunc // stops what is on its way
	running sync.WaitGroup
}

// New returns a Service that has not started. It panics when a required option is missing.
func New(options Options) *Service {
	if options.Mailbox == nil || options.Sender == nil || options.Templates == nil || options.Logger == nil {
		panic("mail: Options.Mailbox, Options.Sender, Options.Templates and Options.Logger are required")
	}
	return &Service{options: options.withDefaults()}
}

// Start begins to send and returns at once. It works until Stop; the context ends nothing.
func (s *Service) Start(ctx context.Context) {
	s.mu.Lock()
	defer s.mu.Unlock()
	workCtx, abort := context.WithCancel(context.WithoutCancel(ctx))
	takeCtx, cancel := context.WithCancel(workCtx)
	s.cancel, s.abort = cancel, abort
	s.running.Add(1)
	go func() {
		defer s.running.Done()
		s.run(takeCtx, workCtx)
	}()
}

// Stop takes no more mail and waits for the letters on their way. When ctx ends first, those are cut off; their mails are
// due again when the claim ends.
func (s *Service) Stop(ctx context.Context) {
	s.mu.Lock()
	cancel, abort := s.cancel, s.abort
	s.mu.Unlock()
	if cancel == nil {
		return
	}
	defer abort()
	unhook := context.AfterFunc(ctx, abort)
	defer unhook()
	cancel()
	s.running.Wait()
}

func (s *Service) run(takeCtx, workCtx context.Context) {
	ticker := time.NewTicker(s.options.Interval)
	defer ticker.Stop()
	for {
		s.empty(takeCtx, workCtx)
		select {
		case <-ticker.C:
		case <-takeCtx.Done():
			return
		}
	}
}

// empty sends batch after batch until nothing is due.
func (s *Service) empty(takeCtx, workCtx context.Context) {
	for takeCtx.Err() == nil {
		claimed, err := s.claim(takeCtx)
		if err != nil {
			if takeCtx.Err() == nil {
				// The next tick tries again; nothing was taken.
				s.options.Logger.WarnContext(takeCtx, "mail not claimed", "err", err)
			}
			return
		}
		s.sendAll(takeCtx, workCtx, claimed)
		if len(claimed) < s.options.Batch {
			return
		}
	}
}

func (s *Service) claim(ctx context.Context) ([]Mail, error) {
	ctx, cancel := context.WithTimeout(ctx, mailboxTimeout)
	defer cancel()
	claimed, err := s.options.Mailbox.Claim(ctx, s.options.Batch, s.options.lease())
	if err != nil {
		return nil, fmt.Errorf("claim mail: %w", err)
	}
	return claimed, nil
}

// sendAll returns when each mail is settled, or left to the end of its claim because the service stops.
func (s *Service) sendAll(takeCtx, workCtx context.Context, claimed []Mail) {
	var letters errgroup.Group
	letters.SetLimit(s.options.AtOnce)
	for _, one := range claimed {
		letters.Go(func() error {
			s.attempt(takeCtx, workCtx, one)
			return nil
		})
	}
	_ = letters.Wait() // no function returns an error: each mail's is noted with the mail
}

func (s *Service) attempt(takeCtx, workCtx context.Context, mail Mail) {
	if takeCtx.Err() != nil {
		s.putBack(workCtx, mail)
		return
	}
	s.deliver(workCtx, mail)
}

// deliver makes one attempt and notes its outcome. A stop does not keep it from noting what has happened.
func (s *Service) deliver(ctx context.Context, mail Mail) {
	err := s.send(ctx, mail)
	if err == nil {
		s.tally.sent.Add(1)
		s.settle(ctx, mail, func(ctx context.Context) error { return s.options.Mailbox.Sent(ctx, mail.ID) })
		return
	}
	failure := Failure{Reason: err.Error(), Pause: pauseAfter(mail.Attempt), Permanent: isPermanent(err)}
	s.tally.fail(failure.Permanent)
	s.options.Logger.WarnContext(ctx, "mail not sent", "mail_id", mail.ID, "kind", mail.Kind, "project_id", mail.ProjectID,
		"attempt", mail.Attempt, "given_up", failure.Permanent, "pause", failure.Pause.String(), "err", err)
	s.settle(ctx, mail, func(ctx context.Context) error { return s.options.Mailbox.Failed(ctx, mail, failure) })
}

func (s *Service) send(ctx context.Context, mail Mail) error {
	letter, err := s.options.Templates.Letter(mail)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, s.options.SendTimeout)
	defer cancel()
	return s.options.Sender.Send(ctx, letter)
}

// putBack ends the claim of a mail that was not tried.
func (s *Service) putBack(ctx context.Context, mail Mail) {
	s.settle(ctx, mail, func(ctx context.Context) error {
		return s.options.Mailbox.Failed(ctx, mail, Failure{Reason: "the worker stopped before it was tried"})
	})
}

func (s *Service) settle(ctx context.Context, mail Mail, note func(context.Context) error) {
	noteCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), mailboxTimeout)
	defer cancel()
	if err := note(noteCtx); err != nil {
		// The claim ends by itself; if the mail was sent, a second copy with the same key follows.
		s.options.Logger.ErrorContext(ctx, "outcome of a mail not noted", "mail_id", mail.ID, "attempt", mail.Attempt, "err", err)
	}
}

// pauseAfter gives half the pause to chance, so that what failed together does not come back together.
func pauseAfter(attempt int) time.Duration {
	pause := firstPause
	for range attempt - 1 {
		pause = min(2*pause, longestPause)
		if pause == longestPause {
			break
		}
	}
	return pause/2 + rand.N(pause/2+1) //nolint:gosec // spreads retries, protects nothing
}
