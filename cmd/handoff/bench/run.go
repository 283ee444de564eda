package bench

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/supportbase/handoff/supabase"
)

const (
	// arrivalTimeout is for what was written last, and for the first message of each way.
	arrivalTimeout = 15 * time.Second
	// removeTimeout bounds the removal: it also runs when the run was interrupted.
	removeTimeout = time.Minute
	roundTrips    = 9
)

// What can be in the way of a measurement. They come wrapped.
var (
	// ErrProject: the project to measure in could not be made.
	ErrProject = errors.New("the project for the measurement could not be made")
	// ErrRealtime: what was sent straight to Realtime did not come to the subscriber.
	ErrRealtime = errors.New("realtime does not carry messages")
	// ErrNoWorker: what was sent straight to Realtime came, a committed event did not.
	ErrNoWorker = errors.New("no worker answers")
)

// LeftError says that the removal failed: something is left of what was made.
type LeftError struct {
	// Address is that of the account that owns it.
	Address string
	Cause   error
}

// Error names the account, and why it is still there.
func (e *LeftError) Error() string {
	return fmt.Sprintf("what was made for the measurement could not be removed: account %s and its project: %v", e.Address, e.Cause)
}

// Unwrap is the cause.
func (e *LeftError) Unwrap() error { return e.Cause }

// Options say what is measured, and how gently.
type Options struct {
	// Pool belongs to the role of the migrations.
	Pool *pgxpool.Pool
	// SupabaseURL and SecretKey are the project's API.
	SupabaseURL, SecretKey string
	// PerSecond is how many events are written a second, all ways together.
	PerSecond int
	// Length is how long each of the three ways is measured.
	Length time.Duration
	// Progress is told what begins.
	Progress func(line string)
}

// run is one measurement under way.
type run struct {
	Options
	stage *stage
	http  *supabase.HTTPBroadcast
}

// Run measures and removes what it made, also when it fails or ctx ends. A *LeftError, alone or joined with what else went wrong,
// says that it could not.
func Run(ctx context.Context, options Options) (report Report, err error) {
	admin, err := supabase.NewAuthAdmin(options.SupabaseURL, options.SecretKey)
	if err != nil {
		return report, err
	}
	r := &run{Options: options, stage: &stage{pool: options.Pool, address: newAddress()}}
	if r.http, err = supabase.NewHTTPBroadcast(options.SupabaseURL, options.SecretKey); err != nil {
		return report, err
	}
	defer r.http.Close()
	if err := r.stage.mark(ctx); err != nil {
		return report, err
	}
	defer func() { err = errors.Join(err, r.remove(ctx, &report)) }()
	r.Progress("making a project of its own, owned by " + r.stage.address)
	if err := r.stage.build(ctx, admin, r.handoffCount()); err != nil {
		return report, err
	}
	return r.measure(ctx)
}

// newAddress is of a domain that no mail can ever reach.
func newAddress() string { return addressPrefix + strings.ToLower(rand.Text()[:16]) + addressDomain }

func (r *run) measure(ctx context.Context) (report Report, err error) {
	report.PerSecond, report.Seconds = r.PerSecond, r.Length.Seconds()
	if report.RoundTrip, err = r.roundTrip(ctx); err != nil {
		return report, err
	}
	if err := r.deliveries(ctx, &report); err != nil {
		return report, err
	}
	err = r.handoffs(ctx, &report)
	return report, err
}

// roundTrip is the median of what the smallest question costs: it is part of every number.
func (r *run) roundTrip(ctx context.Context) (milliseconds float64, err error) {
	var took []time.Duration
	for range roundTrips {
		began := time.Now()
		if _, err := r.Pool.Exec(ctx, `select 1`); err != nil {
			return 0, fmt.Errorf("ask the database: %w", err)
		}
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	return float64(took[roundTrips/2]) / float64(time.Millisecond), nil
}

func (r *run) remove(ctx context.Context, report *Report) error {
	r.Progress("removing what was made")
	removeCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), removeTimeout)
	defer cancel()
	removed, err := remove(removeCtx, r.Pool, r.stage.address, r.stage.firstXID)
	if err != nil {
		return &LeftError{Address: r.stage.address, Cause: err}
	}
	report.Removed = true
	if removed.Kept != "" {
		report.Notes = append(report.Notes, "left: "+removed.Kept)
	}
	return nil
}
