package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/supportbase/handoff/bench/rig"
	"github.com/supportbase/handoff/supabase/local/keys"
)

// pageTimeout bounds one request of a page; the SDK's own is as long.
const pageTimeout = 10 * time.Second

var (
	errUnheard = errors.New("the beat was not known")
	errUnseen  = errors.New("nothing was written")
)

// page is a browser's page of somebody who is signed in.
type page struct {
	user  string
	token string
}

// pages are the open pages of a team, all in front of one gateway. Connections are kept alive, as browsers keep them; there are as
// many as there are beaters.
type pages struct {
	url    string
	client *http.Client
	open   []page
}

func openPages(projectURL string, people []rig.Person) (*pages, error) {
	p := &pages{url: projectURL, client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: beaters}, Timeout: pageTimeout}}
	ring := keys.New()
	for _, person := range people {
		token, err := ring.SignUser(map[string]any{
			"sub": person.ID, "role": person.Role, "aud": person.Role, "exp": time.Now().Add(tokenLife).Unix(),
		})
		if err != nil {
			return nil, err
		}
		p.open = append(p.open, page{user: person.ID, token: token})
	}
	return p, nil
}

func (p *pages) close() { p.client.CloseIdleConnections() }

// gatewayBeats runs closed loops of requests as supabase-js sends them: a beat, and what most systems do instead, both as a PATCH and
// as a function. Parsing, the token and the transaction cost all of them the same.
func (w *world) gatewayBeats(ctx context.Context, report *Report, people []rig.Person) error {
	pages, err := openPages(w.standIn.URL, people)
	if err != nil {
		return err
	}
	defer pages.close()
	for range 2 { // the second round counts, as in beats
		for _, one := range []struct {
			name string
			send func(ctx context.Context, number int64) error
		}{{gatewayBeat, pages.beat}, {gatewayPatch, pages.patch}, {gatewayCall, pages.call}} {
			if err := w.exec(ctx, `select public.bench_rest()`); err != nil {
				return err
			}
			if err := w.hammer(ctx, report, one.name, one.send); err != nil {
				return err
			}
			if err := w.wasSeen(ctx); err != nil {
				return fmt.Errorf("%s: %w", one.name, err)
			}
		}
	}
	report.relate(gatewayBeat, gatewayPatch)
	return nil
}

// wasSeen fails when nobody has been seen since bench_rest: a PATCH that finds no row is no error.
func (w *world) wasSeen(ctx context.Context) error {
	var seen bool
	err := w.owner.QueryRow(ctx, `
		select exists (select from public.bench_last_seen where last_seen_at > now() - interval '30 minutes')
		    or exists (select from handoff.presence_leases where beats > 1 and beat_at > now() - interval '30 minutes')`).Scan(&seen)
	if err == nil && !seen {
		err = errUnseen
	}
	return err
}

// beat is presence_heartbeat as the SDK calls it.
func (p *pages) beat(ctx context.Context, number int64) error {
	from, round := p.next(number)
	answer, err := p.send(ctx, from, http.MethodPost, "rpc/presence_heartbeat", fmt.Sprintf(
		`{"p_connection_id":%q,"p_state":"active","p_next_beat_seconds":30,"p_idle_seconds":0,"p_beat":%d}`, from.user, round))
	if err == nil && !bytes.Contains(answer, []byte(`"known": true`)) {
		err = fmt.Errorf("%w: %s", errUnheard, answer)
	}
	return err
}

// patch writes the logged row as an application does.
func (p *pages) patch(ctx context.Context, number int64) error {
	from, _ := p.next(number)
	_, err := p.send(ctx, from, http.MethodPatch, "bench_last_seen?user_id=eq."+from.user,
		fmt.Sprintf(`{"last_seen_at":%q}`, time.Now().UTC().Format(time.RFC3339Nano)))
	return err
}

// call lets a function write the logged row.
func (p *pages) call(ctx context.Context, number int64) error {
	from, _ := p.next(number)
	_, err := p.send(ctx, from, http.MethodPost, "rpc/bench_seen", `{}`)
	return err
}

// next is whose turn it is, and which time, from 1.
func (p *pages) next(number int64) (page, int64) {
	count := int64(len(p.open))
	return p.open[number%count], number/count + 1
}

// send makes a request of the API with the headers of a browser and of supabase-js.
func (p *pages) send(ctx context.Context, from page, method, path, body string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, method, p.url+"/rest/v1/"+path, bytes.NewReader([]byte(body)))
	if err != nil {
		return nil, fmt.Errorf("make request: %w", err)
	}
	for name, value := range map[string]string{
		"Apikey": keys.Publishable, "Authorization": "Bearer " + from.token, "Content-Type": "application/json", "Content-Profile": "public",
		"X-Client-Info": "supabase-js-web/2.109.0", "Accept": "*/*", "Origin": "https://shop.example.com",
		"User-Agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
	} {
		request.Header.Set(name, value)
	}
	response, err := p.client.Do(request)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", method, path, err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", method, path, err)
	}
	if response.StatusCode >= http.StatusMultipleChoices {
		return nil, fmt.Errorf("%s %s: %w: %s: %s", method, path, errStatus, response.Status, answer)
	}
	return answer, nil
}
