package supabase

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Calibration is how the promised waits of a project were kept. What nothing is known of is nil.
type Calibration struct {
	ProjectID string `json:"project_id"`
	Days      int    `json:"days"`
	// Promises are those that ended with an agent; the coverages are shares of them.
	Promises            int      `json:"promises"`
	P50Coverage         *float64 `json:"p50_coverage"`
	P90Coverage         *float64 `json:"p90_coverage"`
	MedianWait          *float64 `json:"median_wait_seconds"`
	MedianAbsoluteError *float64 `json:"median_absolute_error_seconds"`
	Bias                *float64 `json:"bias_seconds"`
	// Baseline is the estimate of F001 5.4.6 for the same waits.
	Baseline struct {
		Coverage            *float64 `json:"coverage"`
		MedianAbsoluteError *float64 `json:"median_absolute_error_seconds"`
		Bias                *float64 `json:"bias_seconds"`
	} `json:"baseline"`
	Left         int `json:"left"`
	LeftAfterP90 int `json:"left_after_p90"`
	Closed       int `json:"closed"`
	StillWaiting int `json:"still_waiting"`
}

const calibrationList = `
	select project.project_id::text, handoff.calibration(project.project_id, $2)
	  from (select distinct promise.project_id from handoff.wait_promises as promise
	         where promise.promised_at > now() - make_interval(days => $2)
	           and ($1 = '' or promise.project_id::text = $1)) as project
	 order by 1`

// Calibrations reads how the promises of the last days were kept, of one project or, with an empty id, of all that made any.
func Calibrations(ctx context.Context, pool *pgxpool.Pool, projectID string, days int) ([]Calibration, error) {
	rows, err := pool.Query(ctx, calibrationList, projectID, days)
	if err != nil {
		return nil, fmt.Errorf("query calibration: %w", err)
	}
	found, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (Calibration, error) {
		var id string
		var described []byte
		if err := row.Scan(&id, &described); err != nil {
			return Calibration{}, err
		}
		one := Calibration{ProjectID: id}
		err := json.Unmarshal(described, &one)
		return one, err
	})
	if err != nil {
		return nil, fmt.Errorf("read calibration: %w", err)
	}
	return found, nil
}
