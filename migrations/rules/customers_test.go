package rules_test

import (
	"context"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// browser is what a widget tells of where it runs (F001 5.11.3).
const browser = `{"browser": "Chrome", "device": "Desktop", "os": "macOS", "language": "en-GB",
	"timezone": "Europe/London", "screen_resolution": "1920x1080", "page_url": "https://shop.example/context"}`

// chat is an open conversation of the visitor on the device with that visitor id.
func (w *world) chat(t *testing.T, visitor actor, device string) string {
	t.Helper()
	id, err := w.tryChat(t.Context(), visitor, device)
	require.NoError(t, err)
	return id
}

func (w *world) tryChat(ctx context.Context, visitor actor, device string) (string, error) {
	var id string
	err := w.root.QueryRow(ctx, `
		with customer as materialized (select (handoff.customer_for_visitor($1, $2)).id)
		insert into public.conversations (project_id, customer_id, visitor_id, visitor_user_id)
		select $1, customer.id, $2, $3 from customer
		returning id::text`, w.project, device, visitor.id).Scan(&id)
	return id, err
}

// customerOf is the customer that a visitor id belongs to.
func (w *world) customerOf(t *testing.T, device string) string {
	t.Helper()
	return read[string](t, w,
		`select customer_id::text from handoff.customer_visitors where project_id = $1 and visitor_id = $2`, w.project, device)
}

func (w *world) customer(t *testing.T, id string) map[string]any {
	t.Helper()
	return read[map[string]any](t, w, `select to_jsonb(c) from public.customers as c where id = $1`, id)
}

// assertTotalsAreTrue recounts every customer's conversations, and every visitor id's customer.
func assertTotalsAreTrue(t *testing.T, w *world) {
	t.Helper()
	drift := read[int](t, w, `
		select count(*) from public.customers as customer
		 where customer.total_conversations <> (select count(*) from public.conversations as c where c.customer_id = customer.id)`)
	assert.Zero(t, drift, "customers whose total is not their number of conversations")
	strays := read[int](t, w, `
		select count(*)
		  from (select c.project_id, v.id, c.id as customer_id
		          from public.customers as c, unnest(c.merged_visitor_ids || c.visitor_id) as v (id)) as told
		  full join handoff.customer_visitors as known
		    on (known.project_id, known.visitor_id, known.customer_id) = (told.project_id, told.id, told.customer_id)
		 where told.id is null or known.visitor_id is null`)
	assert.Zero(t, strays, "visitor ids that customers and customer_visitors tell differently")
}

func TestCustomerOfAVisitor(t *testing.T) {
	t.Parallel()

	t.Run("one for each visitor id, however often", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.ann.must(t, "track_visit($1, 'v1', 'https://shop.example/a')", w.project)
		w.chat(t, w.ann, "v1")
		w.ann.must(t, "identify_customer($1, 'v1', 'ann@example.com')", w.project)
		assert.Equal(t, 1, read[int](t, w, `select count(*) from public.customers`))
		assertTotalsAreTrue(t, w)
	})

	t.Run("a visitor id belongs to one customer only, whoever writes", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		insert := `insert into public.customers (project_id, visitor_id, merged_visitor_ids) values ($1, $2, $3)`
		w.exec(t, insert, w.project, "v1", []string{"v2"})
		_, err := w.root.Exec(t.Context(), insert, w.project, "v3", []string{"v2"})
		refused(t, err, "23505", "")
		_, err = w.root.Exec(t.Context(), insert, w.project, "v2", []string{})
		refused(t, err, "23505", "")
		assert.Equal(t, w.customerOf(t, "v1"), w.customerOf(t, "v2"))
		w.exec(t, `update public.customers set merged_visitor_ids = '{v4}'`)
		assertTotalsAreTrue(t, w)
	})
}

func TestTotalConversations(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	total := func(device string) int {
		return read[int](t, w, `select total_conversations from public.customers where id = $1`, w.customerOf(t, device))
	}
	first := w.chat(t, w.ann, "v1")
	w.exec(t, `update public.conversations set status = 'closed'`)
	second := w.chat(t, w.ann, "v1")
	w.chat(t, w.bob, "v2")
	assert.Equal(t, []int{2, 1}, []int{total("v1"), total("v2")})

	w.exec(t, `update public.conversations set customer_id = $2 where id = $1`, first, w.customerOf(t, "v2"))
	assert.Equal(t, []int{1, 2}, []int{total("v1"), total("v2")}, "after a move")
	w.exec(t, `update public.conversations set customer_id = null where id = $1`, first)
	assert.Equal(t, []int{1, 1}, []int{total("v1"), total("v2")}, "after it was taken away")
	w.exec(t, `update public.conversations set customer_id = $2 where id = $1`, first, w.customerOf(t, "v1"))
	w.exec(t, `delete from public.conversations where id = any($1)`, []string{first, second})
	assert.Equal(t, []int{0, 1}, []int{total("v1"), total("v2")}, "after deletion")
	w.exec(t, `delete from public.customers`)
	w.exec(t, `insert into public.conversations (project_id, visitor_id, status) select $1, 'import', 'closed' from generate_series(1, 3)`, w.project)
	assertTotalsAreTrue(t, w)
	w.exec(t, `delete from public.projects`)
}

func TestTrackVisit(t *testing.T) {
	t.Parallel()

	t.Run("keeps the visit and the latest context", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		answer := w.ann.must(t, "track_visit($1, 'v1', 'https://shop.example/pricing', 'Pricing', 'https://search.example/', $2)", w.project, browser)
		assert.Equal(t, map[string]any{"tracked": true}, answer)
		visit := read[map[string]any](t, w, `select to_jsonb(v) - array['id', 'created_at'] from public.web_visits as v`)
		assert.Equal(t, map[string]any{
			"project_id": w.project, "customer_id": w.customerOf(t, "v1"), "visitor_id": "v1", "user_id": w.ann.id,
			"url": "https://shop.example/pricing", "title": "Pricing", "referrer": "https://search.example/",
			"browser": "Chrome", "device": "Desktop", "os": "macOS", "language": "en-GB", "timezone": "Europe/London",
			"screen": "1920x1080", "location": nil,
		}, visit)
		w.ann.must(t, "track_visit($1, 'v1', 'https://shop.example/buy', null, 'about:blank', $2)", w.project, `{"browser": "Firefox"}`)
		customer := w.customer(t, w.customerOf(t, "v1"))
		assert.Equal(t, "https://shop.example/buy", customer["last_page_url"])
		assert.Equal(t, "Firefox", customer["last_browser"])
		assert.Equal(t, "macOS", customer["last_os"], "what a visit does not tell stays")
		assert.Equal(t, 1, read[int](t, w, `select count(*) from public.web_visits where referrer is null and title is null`))
	})

	t.Run("cuts long texts and takes odd contexts", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		long := strings.Repeat("ü", 5000)
		w.ann.must(t, "track_visit($1, 'v1', $2, $3, $4, jsonb_build_object('browser', $3::text, 'os', array[1]))", w.project,
			"https://shop.example/"+long, long, "https://a.example/"+long)
		w.ann.must(t, "track_visit($1, 'v1', 'http://shop.example/', null, null, '[1, 2]')", w.project)
		lengths := read[[]int](t, w, `select array[char_length(url), char_length(title), char_length(referrer), char_length(browser)]
			from public.web_visits where title is not null`)
		assert.Equal(t, []int{2000, 500, 2000, 200}, lengths)
	})

	t.Run("takes the country from the network, not from the visitor", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		for header, want := range map[string]any{`{"cf-ipcountry": "gb"}`: "GB", `{"cf-ipcountry": "XX"}`: nil, `{"cf-ipcountry": "' or 1"}`: nil, `{}`: nil} {
			device := uuid.NewString()
			require.NoError(t, w.ann.do(t.Context(), func(tx pgx.Tx) error {
				_, err := tx.Exec(t.Context(), `select set_config('request.headers', $1, true),
					public.track_visit($2, $3, 'https://shop.example/', null, null, '{"location": "Mars"}')`, header, w.project, device)
				return err
			}))
			assert.Equal(t, want, w.customer(t, w.customerOf(t, device))["last_location"], header)
		}
	})

	t.Run("refuses links that would run in an agent's browser, strangers and floods", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		for _, url := range []string{"javascript:alert(1)", "data:text/html,x", "javascript://https://x", "", " "} {
			_, err := w.ann.rpc(t.Context(), "track_visit($1, 'v1', $2)", w.project, url)
			refused(t, err, "PT400", "url_invalid")
		}
		_, err := w.ann.rpc(t.Context(), "track_visit($1, 'v1', 'https://shop.example/')", uuid.NewString())
		refused(t, err, "PT404", "project_not_found")
		_, err = w.ann.rpc(t.Context(), "track_visit($1, '', 'https://shop.example/')", w.project)
		refused(t, err, "23514", "")
		_, err = (actor{w: w, role: "anon"}).rpc(t.Context(), "track_visit($1, 'v1', 'https://shop.example/')", w.project)
		refused(t, err, "42501", "")
		for range 60 {
			w.bob.must(t, "track_visit($1, 'v2', 'https://shop.example/')", w.project)
		}
		_, err = w.bob.rpc(t.Context(), "track_visit($1, 'v2', 'https://shop.example/')", w.project)
		refused(t, err, "PGRST", "")
	})
}

func TestCustomersAreTheTeams(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.ann.must(t, "track_visit($1, 'v1', 'https://shop.example/')", w.project)
	id := w.chat(t, w.ann, "v1")
	w.ann.must(t, "submit_offline_form($1, 'ann@example.com', 'Ann', 'Help')", id)
	stranger := w.person(t, "stranger@example.com", "Sam")

	for _, table := range []string{"customers", "web_visits", "lead_captures"} {
		assert.Equal(t, 1, w.mike.count(t, table), "a member reads %s", table)
		assert.Equal(t, 0, w.ann.count(t, table), "a visitor does not read %s", table)
		assert.Equal(t, 0, stranger.count(t, table), "a stranger does not read %s", table)
		for _, who := range []actor{w.mike, w.ann} {
			_, err := who.write(t.Context(), `delete from public.`+table)
			refused(t, err, "42501", "")
		}
	}
	for _, table := range []string{"handoff.customer_visitors", "handoff.mail_outbox"} {
		_, err := w.owner.write(t.Context(), `select 1 from `+table)
		refused(t, err, "42501", "")
	}
	for _, column := range []string{"email = 'x@example.com'", "total_conversations = 9", "flagged_by = null", "merged_visitor_ids = '{}'", "visitor_id = 'x'"} {
		_, err := w.owner.write(t.Context(), `update public.customers set `+column)
		refused(t, err, "42501", "")
	}
	for name, who := range map[string]actor{"visitor": w.ann, "stranger": stranger} {
		changed, err := who.write(t.Context(), `update public.customers set name = 'Mallory', is_flagged = true`)
		require.NoError(t, err)
		assert.Zero(t, changed, name)
		for _, call := range []string{"customer_history($1)", "flag_customer($1, true)", "update_customer_notes($1, 'x')"} {
			_, err := who.rpc(t.Context(), call, w.customerOf(t, "v1"))
			refused(t, err, "PT404", "customer_not_found")
			_, err = w.mike.rpc(t.Context(), call, uuid.NewString())
			refused(t, err, "PT404", "customer_not_found")
		}
	}
}

func TestFlagsAndNotes(t *testing.T) {
	t.Parallel()

	t.Run("the flag notes who set it and when", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.chat(t, w.ann, "v1")
		id := w.customerOf(t, "v1")
		flagged := w.mike.must(t, "flag_customer($1, true, ' rude ')", id)
		assert.Equal(t, "rude", flagged["flag_reason"])
		assert.Equal(t, w.mike.id, flagged["flagged_by"])
		again := w.sarah.must(t, "flag_customer($1, true, 'very rude')", id)
		assert.Equal(t, "very rude", again["flag_reason"])
		assert.Equal(t, w.mike.id, again["flagged_by"], "the first stays")
		assert.Equal(t, flagged["flagged_at"], again["flagged_at"])
		cleared := w.sarah.must(t, "flag_customer($1, false, 'sorry')", id)
		for _, field := range []string{"flag_reason", "flagged_by", "flagged_at"} {
			assert.Nil(t, cleared[field], field)
		}
		_, err := w.mike.rpc(t.Context(), "flag_customer($1, null)", id)
		refused(t, err, "23502", "")
	})

	t.Run("a dashboard may write the columns itself", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.chat(t, w.ann, "v1")
		_, err := w.mike.write(t.Context(), `update public.customers set is_flagged = true, flag_reason = 'rude', internal_notes = 'VIP', name = 'Ann'`)
		require.NoError(t, err)
		customer := w.customer(t, w.customerOf(t, "v1"))
		assert.Equal(t, w.mike.id, customer["flagged_by"])
		assert.NotNil(t, customer["flagged_at"])
		assert.Equal(t, "Ann", customer["name"])
		w.exec(t, `delete from auth.users where id = $1`, w.mike.id)
		customer = w.customer(t, w.customerOf(t, "v1"))
		assert.Equal(t, true, customer["is_flagged"], "a flag outlives the account of who set it")
		assert.Nil(t, customer["flagged_by"])
	})

	t.Run("notes are replaced, and empty ones are none", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.chat(t, w.ann, "v1")
		id := w.customerOf(t, "v1")
		assert.Equal(t, "Likes tea", w.mike.must(t, "update_customer_notes($1, 'Likes tea')", id)["internal_notes"])
		assert.Nil(t, w.mike.must(t, "update_customer_notes($1, '  ')", id)["internal_notes"])
	})
}

func TestRequestEmail(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.sarah.must(t, "set_agent_status($1, 'online')", w.project)
	id := w.chat(t, w.ann, "v1")
	_, err := w.owner.rpc(t.Context(), "request_email($1)", id)
	refused(t, err, "PT409", "not_with_an_agent")
	w.ann.must(t, "request_handoff($1, 'button_click')", id)
	w.assign(t, id, w.sarah)
	_, err = w.mike.rpc(t.Context(), "request_email($1)", id)
	refused(t, err, "PT403", "not_your_conversation")
	_, err = w.ann.rpc(t.Context(), "request_email($1)", id)
	refused(t, err, "PT404", "conversation_not_found")

	asked := `select count(*) from public.messages where sender_type = 'system' and metadata ->> 'type' = 'email_request'`
	state := `select array[awaiting_email, email_asked] from public.conversations where id = $1`
	for range 2 {
		assert.Equal(t, map[string]any{"awaiting_email": true}, w.sarah.must(t, "request_email($1)", id))
	}
	assert.Equal(t, 1, read[int](t, w, asked), "asked once")
	assert.Equal(t, []bool{true, true}, read[[]bool](t, w, state, id))
	w.ann.must(t, "identify_customer($1, 'v1', 'ann@example.com')", w.project)
	assert.Equal(t, []bool{false, true}, read[[]bool](t, w, state, id))
	w.sarah.must(t, "request_email($1)", id)
	assert.Equal(t, 2, read[int](t, w, asked), "an agent may ask again for another")
	assertNumbersHaveNoGap(t, w, id)
}

func TestCustomerHistory(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for day := range 5 {
		id := w.chat(t, w.ann, "v1")
		w.exec(t, `update public.conversations set status = 'closed', preview = 'Question ' || $2::int,
			created_at = timestamptz '2025-01-10 12:00Z' + $2::int / 2 * interval '1 day' where id = $1`, id, day)
	}
	customer := w.customerOf(t, "v1")
	assert.Nil(t, w.mike.must(t, "customer_history($1)", customer)["current_session"])
	w.ann.must(t, "track_visit($1, 'v1', 'https://shop.example/old')", w.project)
	w.ann.must(t, "track_visit($1, 'v1', 'https://shop.example/now', 'Now', null, $2)", w.project, browser)

	page := w.mike.must(t, "customer_history($1, 2)", customer)
	assert.InDelta(t, 5, page["customer"].(map[string]any)["total_conversations"], 0)
	session := page["current_session"].(map[string]any)
	assert.Equal(t, "https://shop.example/now", session["url"])
	assert.Equal(t, "Chrome", session["browser"])
	assert.NotContains(t, session, "user_id")
	newest := previews(page)
	assert.Equal(t, "Question 4", newest[0])
	assert.ElementsMatch(t, []string{"Question 2", "Question 3"}, newest[1:], "both of the last time on the page")
	last := page["conversations"].([]any)[2].(map[string]any)
	assert.ElementsMatch(t, []string{"id", "status", "preview", "created_at"}, keysOf(last))

	rest := w.mike.must(t, "customer_history($1, 0, $2::text::timestamptz)", customer, last["created_at"])
	assert.ElementsMatch(t, []string{"Question 0", "Question 1"}, previews(rest), "a page holds at least one time")
	end := w.mike.must(t, "customer_history($1, 2, '2025-01-10 12:00Z')", customer)
	assert.Empty(t, end["conversations"])
}

func previews(page map[string]any) []string {
	var texts []string
	for _, line := range page["conversations"].([]any) {
		texts = append(texts, line.(map[string]any)["preview"].(string))
	}
	return texts
}
