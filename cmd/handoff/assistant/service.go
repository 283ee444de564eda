package assistant

import (
	"context"
	"log/slog"
	"time"
)

const (
	// pause is how long the assistant seems to think and type, counted from the question.
	pause = 1200 * time.Millisecond
	// lookInterval is how often it looks for questions.
	lookInterval = 300 * time.Millisecond
	// turnTimeout bounds one look with its answers.
	turnTimeout = 10 * time.Second
)

// Question is a visitor's message that nobody has answered.
type Question struct {
	ConversationID string
	MessageID      string
	Text           string
}

// Desk is where questions lie and answers go.
type Desk interface {
	// Unanswered lists, oldest first, what visitors wrote at least `age` ago and nobody answered. It is bounded: what is left
	// out comes with the next call.
	Unanswered(ctx context.Context, age time.Duration) ([]Question, error)
	// Answer writes the answer to a question. Writing it twice is the same as once; a conversation that an agent took or
	// somebody closed meanwhile is left alone, which is no error.
	Answer(ctx context.Context, question Question, answer Answer) error
}

// Service answers questions until it is stopped.
type Service struct {
	desk   Desk
	logger *slog.Logger
	cancel context.CancelFunc
	done   chan struct{}
}

// New makes a service. Call Start once.
func New(desk Desk, logger *slog.Logger) *Service {
	return &Service{desk: desk, logger: logger, done: make(chan struct{})}
}

// Start begins to answer. The context's values are kept, its end is not: call Stop.
func (s *Service) Start(ctx context.Context) {
	ctx, s.cancel = context.WithCancel(context.WithoutCancel(ctx))
	go s.run(ctx)
}

// Stop ends the service and returns when it has.
func (s *Service) Stop() {
	s.cancel()
	<-s.done
}

func (s *Service) run(ctx context.Context) {
	defer close(s.done)
	ticker := time.NewTicker(lookInterval)
	defer ticker.Stop()
	healthy := true
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		err := s.turn(ctx)
		if err != nil && healthy && ctx.Err() == nil {
			// Logged once an outage, and on: the questions wait in the database.
			s.logger.WarnContext(ctx, "the demo assistant cannot answer", slog.Any("err", err))
		}
		healthy = err == nil
	}
}

// turn answers what is unanswered now.
func (s *Service) turn(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, turnTimeout)
	defer cancel()
	questions, err := s.desk.Unanswered(ctx, pause)
	if err != nil {
		return err
	}
	for _, question := range questions {
		if err := s.desk.Answer(ctx, question, Reply(question.Text)); err != nil {
			return err
		}
	}
	return nil
}
