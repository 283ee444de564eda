package rest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/supportbase/handoff/supabase/local/rest/catalog"
)

const (
	// requestTimeout bounds a request from its first byte to the commit. Roles have shorter statement timeouts.
	requestTimeout = 60 * time.Second
	// rollbackTimeout bounds the rollback of a request whose client may be gone.
	rollbackTimeout = 2 * time.Second
	// searchPath is that of hosted Supabase's API.
	searchPath = `"public", "extensions"`
)

// execute runs a plan as one transaction and makes its answer. Only a transaction whose answer is no refusal commits.
func (h *Handler) execute(ctx context.Context, r *request, snapshot *catalog.Snapshot, p *plan) (*answer, error) {
	options := pgx.TxOptions{AccessMode: pgx.ReadWrite}
	if p.readOnly {
		options.AccessMode = pgx.ReadOnly
	}
	tx, err := h.pool.BeginTx(ctx, options)
	if err != nil {
		return nil, fmt.Errorf("begin transaction: %w", err)
	}
	a, err := runIn(ctx, tx, r, snapshot, p)
	if err != nil {
		return nil, errors.Join(databaseError(err, r.claims.Role), rollback(ctx, tx))
	}
	// Deferred constraints and triggers speak up here.
	if err := tx.Commit(ctx); err != nil {
		return nil, errors.Join(databaseError(err, r.claims.Role), rollback(ctx, tx))
	}
	return a, nil
}

// rollback is harmless after a commit, even a failed one.
func rollback(ctx context.Context, tx pgx.Tx) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), rollbackTimeout)
	defer cancel()
	if err := tx.Rollback(ctx); err != nil && !errors.Is(err, pgx.ErrTxClosed) {
		return fmt.Errorf("roll back: %w", err)
	}
	return nil
}

func runIn(ctx context.Context, tx pgx.Tx, r *request, snapshot *catalog.Snapshot, p *plan) (*answer, error) {
	setup, err := setUp(r, snapshot, p)
	if err != nil {
		return nil, err
	}
	o, err := run(ctx, tx.Conn().PgConn(), setup, p)
	if err != nil {
		return nil, err
	}
	return p.finish(o)
}

// setUp puts the request into the transaction: role, claims, headers, and the settings of role and function. The role
// comes last, because what it may set is less than what the pool's role may.
func setUp(r *request, snapshot *catalog.Snapshot, p *plan) (statement, error) {
	claims, err := json.Marshal(r.claims.All)
	if err != nil {
		return statement{}, fmt.Errorf("encode claims: %w", err)
	}
	headers, err := json.Marshal(plainHeaders(r.http))
	if err != nil {
		return statement{}, fmt.Errorf("encode headers: %w", err)
	}
	settings := []catalog.Setting{
		{Name: "search_path", Value: searchPath},
		{Name: "request.jwt.claims", Value: string(claims)},
		{Name: "request.headers", Value: string(headers)},
		{Name: "request.method", Value: r.http.Method},
		{Name: "request.path", Value: r.http.URL.Path},
	}
	settings = append(settings, snapshot.RoleSettings(r.claims.Role)...)
	settings = append(settings, p.settings...)
	settings = append(settings, catalog.Setting{Name: "role", Value: r.claims.Role})
	b := &builder{}
	calls := make([]string, len(settings))
	for i, setting := range settings {
		calls[i] = fmt.Sprintf("set_config(%s, %s, true)", b.bind(setting.Name), b.bind(setting.Value))
	}
	return b.statement("select " + strings.Join(calls, ", ")), nil
}

// plainHeaders are the headers as request.headers shows them: names in lower case, cookies left out.
func plainHeaders(r *http.Request) map[string]string {
	headers := map[string]string{"host": r.Host}
	for name, values := range r.Header {
		if name != "Cookie" {
			headers[strings.ToLower(name)] = strings.Join(values, ", ")
		}
	}
	return headers
}

// run sends all statements in one round trip. Nothing is prepared: the schema changes under a development database.
func run(ctx context.Context, conn *pgconn.PgConn, setup statement, p *plan) (outcome, error) {
	batch := &pgconn.Batch{}
	batch.ExecParams(setup.text, setup.values, nil, nil, nil)
	if p.explain.text != "" {
		batch.ExecParams(p.explain.text, p.explain.values, nil, nil, nil)
	}
	batch.ExecParams(p.main.text, p.main.values, nil, nil, nil)
	results, err := conn.ExecBatch(ctx, batch).ReadAll()
	if err != nil {
		return outcome{}, err
	}
	o, err := readOutcome(results[len(results)-1].Rows)
	if err != nil || p.explain.text == "" {
		return o, err
	}
	rows, err := expectedRows(results[1].Rows[0][0])
	if err != nil {
		return outcome{}, err
	}
	o.expect(rows)
	return o, nil
}

// readOutcome reads the one row of an envelope, whose values come as text.
func readOutcome(rows [][][]byte) (outcome, error) {
	if len(rows) != 1 || len(rows[0]) != 6 {
		return outcome{}, fmt.Errorf("read outcome: %d rows", len(rows))
	}
	row := rows[0]
	o := outcome{body: row[2], headers: string(row[3]), status: string(row[4])}
	var err error
	if o.rows, err = strconv.ParseInt(string(row[1]), 10, 64); err != nil {
		return outcome{}, fmt.Errorf("read row count: %w", err)
	}
	if row[0] != nil {
		total, err := strconv.ParseInt(string(row[0]), 10, 64)
		if err != nil {
			return outcome{}, fmt.Errorf("read total: %w", err)
		}
		o.total = &total
	}
	if row[5] != nil {
		if o.replaced, err = strconv.ParseInt(string(row[5]), 10, 64); err != nil {
			return outcome{}, fmt.Errorf("read count of replaced rows: %w", err)
		}
	}
	return o, nil
}
