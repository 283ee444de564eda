package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/supportbase/handoff/bench/rig"
	"github.com/supportbase/handoff/supabase/local/keys"
)

// argument is one named argument of a call.
type argument struct {
	name  string
	value any
}

// call is one call of a function of the API.
type call struct {
	function  string
	arguments []argument
}

func rpc(function string, namesAndValues ...any) call {
	c := call{function: function}
	for i := 0; i+1 < len(namesAndValues); i += 2 {
		c.arguments = append(c.arguments, argument{fmt.Sprint(namesAndValues[i]), namesAndValues[i+1]})
	}
	return c
}

// reply is what a call answered.
type reply struct {
	Success bool   `json:"success"`
	Error   string `json:"error"`
	ID      string `json:"id"`
	// xid is the call's transaction; 0 over REST.
	xid uint64
}

// errRefused is a refusal by the rules, which is an answer.
var errRefused = errors.New("refused")

// door is how people reach the database: as PostgREST would, or through the gateway.
type door struct {
	api  *pgxpool.Pool // role authenticator
	url  string
	ring *keys.Ring
	http *http.Client
}

// sql makes the call in one transaction and one round trip: the statements of a batch are a transaction of their own.
func (d *door) sql(ctx context.Context, who rig.Person, c call) (reply, error) {
	batch := &pgx.Batch{}
	batch.Queue(`select set_config('role', $1, true), set_config('request.jwt.claims', $2, true)`, who.Role, who.Claims())
	names, values := make([]string, len(c.arguments)), make([]any, len(c.arguments))
	for i, one := range c.arguments {
		names[i], values[i] = fmt.Sprintf("%s => $%d", one.name, i+1), one.value
	}
	batch.Queue(fmt.Sprintf(`select public.%s(%s)::text, pg_current_xact_id()::text::bigint`, c.function, strings.Join(names, ", ")), values...)
	results := d.api.SendBatch(ctx, batch)
	_, err := results.Exec()
	var text string
	var xid uint64
	if err == nil {
		err = results.QueryRow().Scan(&text, &xid)
	}
	if closed := results.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return reply{}, refusal(err)
	}
	answered, err := read([]byte(text))
	answered.xid = xid
	return answered, err
}

// change writes one statement as the person, in one transaction and one round trip.
func (d *door) change(ctx context.Context, who rig.Person, statement string, values ...any) error {
	batch := &pgx.Batch{}
	batch.Queue(`select set_config('role', $1, true), set_config('request.jwt.claims', $2, true)`, who.Role, who.Claims())
	batch.Queue(statement, values...)
	return refusal(d.api.SendBatch(ctx, batch).Close())
}

// rest makes the call through the gateway, with a token of the person.
func (d *door) rest(ctx context.Context, who rig.Person, c call) (reply, error) {
	arguments := map[string]any{}
	for _, one := range c.arguments {
		arguments[one.name] = one.value
	}
	body, err := json.Marshal(arguments)
	if err != nil {
		return reply{}, fmt.Errorf("encode arguments of %s: %w", c.function, err)
	}
	token, err := d.ring.SignUser(map[string]any{"sub": who.ID, "role": who.Role, "aud": who.Role, "exp": time.Now().Add(time.Hour).Unix()})
	if err != nil {
		return reply{}, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, d.url+"/rest/v1/rpc/"+c.function, bytes.NewReader(body))
	if err != nil {
		return reply{}, fmt.Errorf("call %s: %w", c.function, err)
	}
	request.Header.Set("Apikey", keys.Publishable)
	request.Header.Set("Authorization", "Bearer "+token)
	request.Header.Set("Content-Type", "application/json")
	response, err := d.http.Do(request)
	if err != nil {
		return reply{}, fmt.Errorf("call %s: %w", c.function, err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return reply{}, fmt.Errorf("call %s: %w", c.function, err)
	}
	switch {
	case bytes.Contains(text, []byte("40P01")):
		return reply{}, errDeadlock
	case response.StatusCode >= http.StatusInternalServerError:
		return reply{}, fmt.Errorf("call %s: HTTP %d: %s", c.function, response.StatusCode, text)
	case response.StatusCode >= http.StatusMultipleChoices:
		return reply{}, fmt.Errorf("%w: HTTP %d", errRefused, response.StatusCode)
	}
	return read(text)
}

func read(text []byte) (reply, error) {
	var answered reply
	if err := json.Unmarshal(text, &answered); err != nil {
		return answered, fmt.Errorf("read an answer: %w", err)
	}
	if answered.Error != "" {
		return answered, fmt.Errorf("%w: %s", errRefused, answered.Error)
	}
	return answered, nil
}

var errDeadlock = errors.New("deadlock")

// refusal tells what the rules refuse (their own codes, a constraint, a policy) from what broke.
func refusal(err error) error {
	var refused *pgconn.PgError
	if !errors.As(err, &refused) {
		return err
	}
	switch {
	case refused.Code == "40P01":
		return fmt.Errorf("%w: %s", errDeadlock, refused.Detail)
	case strings.HasPrefix(refused.Code, "PT"), refused.Code == "PGRST", strings.HasPrefix(refused.Code, "23"), refused.Code == "42501":
		return fmt.Errorf("%w: %s", errRefused, refused.Message)
	default:
		return err
	}
}
