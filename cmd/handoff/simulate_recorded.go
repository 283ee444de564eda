package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/supportbase/handoff/supabase"
	"github.com/supportbase/handoff/worker/simulation"
)

// fewestLeavers is how many customers must have left to tell how patient they are.
const fewestLeavers = 5

// recorded takes the arrivals of a project. Who nobody handled gets a handling time of somebody else's; how long those would
// have waited who got an agent, or left, nobody knows, so patience is drawn from the rate at which customers left.
func (w wish) recorded(ctx context.Context, cmd *cobra.Command) (traffic, error) {
	if uuid.Validate(w.project) != nil {
		return traffic{}, usage(cmd, fmt.Sprintf("%q is no id of a project", w.project))
	}
	pool, err := openDatabase(ctx, cmd)
	if err != nil {
		return traffic{}, err
	}
	defer pool.Close()
	found, err := supabase.Arrivals(ctx, pool, w.project, w.days, mostArrivals)
	if err != nil {
		return traffic{}, err
	}
	if len(found) == 0 {
		return traffic{}, &problem{
			code: "nothing_recorded", text: fmt.Sprintf("nobody asked for a person in project %s in the last %d days", w.project, w.days),
			remedy: "Take more --days, or leave --project out to draw arrivals from --rate.", exit: exitFailed,
		}
	}
	return w.replay(found), nil
}

func (w wish) replay(found []supabase.RecordedArrival) traffic {
	handled, patience := w.learn(found)
	random := rand.New(rand.NewPCG(w.seed, 4)) //nolint:gosec // plays dice, protects nothing
	draw, leave := simulation.LogNormal(w.handling, w.variation), w.leaving(patience)
	if len(handled) > 0 {
		draw = simulation.Sampled(handled)
	}
	played := traffic{begins: found[0].At.UTC().Truncate(time.Hour)}
	for _, one := range found {
		arrival := simulation.Arrival{At: one.At.Sub(played.begins), Priority: one.Priority, Handling: draw(random), Patience: leave(random)}
		if one.Handling != nil {
			arrival.Handling = *one.Handling
		}
		played.arrivals = append(played.arrivals, arrival)
	}
	played.length = played.arrivals[len(found)-1].At + 1
	played.source = fmt.Sprintf("%d recorded arrivals since %s", len(found), played.begins.Format("2 January 2006 15:04 UTC"))
	return played
}

// learn reads how long chats took and how patient customers are: the time waited by all over the number who left.
func (w wish) learn(found []supabase.RecordedArrival) (handled []time.Duration, patience time.Duration) {
	left, waited := 0, time.Duration(0)
	for _, one := range found {
		if one.Handling != nil {
			handled = append(handled, *one.Handling)
		}
		if one.Left {
			left++
		}
		waited += one.Waited
	}
	patience = w.patience
	if patience == 0 && left >= fewestLeavers {
		patience = waited / time.Duration(left)
	}
	return handled, patience
}
