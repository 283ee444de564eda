package rules_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
)

var linked = map[string]any{"linked": true}

func TestIdentifyCustomer(t *testing.T) {
	t.Parallel()

	t.Run("a new visitor becomes a customer with an address", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		answer := w.ann.must(t, "identify_customer($1, 'v1', ' Ann@Example.COM ', ' Ann ', $2)", w.project, browser)
		assert.Equal(t, linked, answer)
		customer := w.customer(t, w.customerOf(t, "v1"))
		assert.Equal(t, "ann@example.com", customer["email"])
		assert.Equal(t, "Ann", customer["name"])
		assert.Equal(t, "https://shop.example/context", customer["last_page_url"])
	})

	t.Run("an anonymous customer gets the address, and so do its visitor's conversations", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		closed := w.chat(t, w.ann, "v1")
		require.NoError(t, w.move(t, closed, "closed"))
		open, other := w.chat(t, w.ann, "v1"), w.chat(t, w.bob, "v1")
		before := w.customerOf(t, "v1")
		assert.Equal(t, linked, w.ann.must(t, "identify_customer($1, 'v1', 'ann@example.com', 'Ann')", w.project))
		assert.Equal(t, before, w.customerOf(t, "v1"))
		named := `select array_agg(id::text) from public.conversations where customer_email = 'ann@example.com' and customer_name = 'Ann'`
		assert.ElementsMatch(t, []string{closed, open}, read[[]string](t, w, named))
		assert.Equal(t, before, w.conversationCustomer(t, other), "somebody else under the same id is the same customer, unnamed")
	})

	t.Run("the same address again changes nothing", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.chat(t, w.ann, "v1")
		for range 2 {
			w.ann.must(t, "identify_customer($1, 'v1', 'ann@example.com', 'Ann')", w.project)
		}
		assert.Equal(t, 1, read[int](t, w, `select count(*) from public.customers`))
		assertTotalsAreTrue(t, w)
	})

	t.Run("a second device joins the customer of the address", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		laptop, phone := w.ann, w.bob
		w.chat(t, laptop, "laptop")
		laptop.must(t, "identify_customer($1, 'laptop', 'ann@example.com', 'Ann')", w.project)
		onPhone := w.chat(t, phone, "phone")
		assert.Equal(t, linked, phone.must(t, "identify_customer($1, 'phone', 'ann@example.com')", w.project))
		assert.Equal(t, w.customerOf(t, "laptop"), w.customerOf(t, "phone"))
		customer := w.customer(t, w.customerOf(t, "phone"))
		assert.Equal(t, "laptop", customer["visitor_id"])
		assert.Equal(t, []any{"phone"}, customer["merged_visitor_ids"])
		assert.InDelta(t, 2, customer["total_conversations"], 0)

		require.NoError(t, w.move(t, onPhone, "closed"))
		again := w.chat(t, phone, "phone")
		assert.Equal(t, customer["id"], w.conversationCustomer(t, again), "later visits of a merged device are the customer's")
		assertTotalsAreTrue(t, w)
	})

	t.Run("refuses what is no address, no project, nobody and too many", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		for _, email := range []any{
			nil, "", "ann", "@example.com", "ann@", "ann@localhost", "a b@example.com", "a@b@example.com", "a@example..com",
			"a@example.com\nBcc: b@example.com", "a@example.com,b@example.com", "Ann <a@example.com>", fmt.Sprintf("%0250d@example.com", 1),
		} {
			_, err := w.ann.rpc(t.Context(), "identify_customer($1, 'v1', $2)", w.project, email)
			refused(t, err, "PT400", "email_invalid")
		}
		_, err := w.ann.rpc(t.Context(), "identify_customer($1, 'v1', 'a@example.com')", uuid.NewString())
		refused(t, err, "PT404", "project_not_found")
		_, err = w.ann.rpc(t.Context(), "identify_customer($1, null, 'a@example.com')", w.project)
		refused(t, err, "23502", "")
		_, err = (actor{w: w, role: "anon"}).rpc(t.Context(), "identify_customer($1, 'v1', 'a@example.com')", w.project)
		refused(t, err, "42501", "")
		for range 10 {
			w.ann.must(t, "identify_customer($1, 'v1', 'ann@o''hara.example.com')", w.project)
		}
		_, err = w.ann.rpc(t.Context(), "identify_customer($1, 'v1', 'ann@example.com')", w.project)
		refused(t, err, "PGRST", "")
	})
}

func (w *world) conversationCustomer(t *testing.T, conversation string) string {
	t.Helper()
	return read[string](t, w, `select customer_id::text from public.conversations where id = $1`, conversation)
}

// Ann is known: an address, a name, a history. Bob types her address, or names her visitor id.
func TestTypingAnAddressProvesNothing(t *testing.T) {
	t.Parallel()
	setup := func(t *testing.T) (w *world, annsChat, annsCustomer string) {
		t.Helper()
		w = newWorld(t)
		annsChat = w.chat(t, w.ann, "anns-laptop")
		w.ann.must(t, "send_message($1, 'my secret')", annsChat)
		w.ann.must(t, "identify_customer($1, 'anns-laptop', 'ann@example.com', 'Ann')", w.project)
		annsCustomer = w.customerOf(t, "anns-laptop")
		return w, annsChat, annsCustomer
	}

	t.Run("it opens no conversation of hers", func(t *testing.T) {
		t.Parallel()
		w, annsChat, _ := setup(t)
		bobsChat := w.chat(t, w.bob, "bobs-phone")
		w.bob.must(t, "identify_customer($1, 'bobs-phone', 'ann@example.com')", w.project)
		_, err := w.bob.rpc(t.Context(), "conversation_sync($1)", annsChat)
		refused(t, err, "PT404", "conversation_not_found")
		assert.Zero(t, w.bob.count(t, "messages"))
		assert.Zero(t, w.bob.count(t, "conversations"))
		assert.False(t, w.bob.canListen(t, "conversation:"+annsChat))
		assert.True(t, w.bob.canListen(t, "conversation:"+bobsChat))
	})

	t.Run("the answer is the same for a known address", func(t *testing.T) {
		t.Parallel()
		w, _, _ := setup(t)
		known := w.bob.must(t, "identify_customer($1, 'bobs-phone', 'ann@example.com')", w.project)
		unknown := w.bob.must(t, "identify_customer($1, 'bobs-tablet', 'nobody@example.com')", w.project)
		assert.Equal(t, known, unknown)
	})

	t.Run("it does not rename her", func(t *testing.T) {
		t.Parallel()
		w, annsChat, annsCustomer := setup(t)
		w.chat(t, w.bob, "bobs-phone")
		w.bob.must(t, "identify_customer($1, 'bobs-phone', 'ann@example.com', 'Mallory')", w.project)
		assert.Equal(t, "Ann", w.customer(t, annsCustomer)["name"])
		assert.Equal(t, "Ann", read[string](t, w, `select customer_name from public.conversations where id = $1`, annsChat))
	})

	t.Run("naming her visitor id moves nothing of hers", func(t *testing.T) {
		t.Parallel()
		w, annsChat, annsCustomer := setup(t)
		bobsChat := w.chat(t, w.bob, "bobs-phone")
		w.bob.must(t, "identify_customer($1, 'anns-laptop', 'bob@example.com', 'Bob')", w.project)
		assert.Equal(t, annsCustomer, w.customerOf(t, "anns-laptop"))
		assert.Equal(t, annsCustomer, w.conversationCustomer(t, annsChat))
		assert.Equal(t, "ann@example.com", w.customer(t, annsCustomer)["email"])
		assert.NotEqual(t, annsCustomer, w.conversationCustomer(t, bobsChat))
		assert.Equal(t, "bob@example.com", w.customer(t, w.conversationCustomer(t, bobsChat))["email"])
		assertTotalsAreTrue(t, w)
	})

	t.Run("naming the id of a customer without an address does not take it either", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.chat(t, w.ann, "anns-laptop")
		w.bob.must(t, "identify_customer($1, 'anns-laptop', 'bob@example.com')", w.project)
		assert.Nil(t, w.customer(t, w.customerOf(t, "anns-laptop"))["email"])
	})

	t.Run("a second person on one device is a second customer", func(t *testing.T) {
		t.Parallel()
		w, annsChat, annsCustomer := setup(t)
		closed := w.chat(t, w.bob, "anns-laptop")
		w.bob.must(t, "identify_customer($1, 'anns-laptop', 'ann@example.com')", w.project)
		require.NoError(t, w.move(t, closed, "closed"))
		open := w.chat(t, w.bob, "anns-laptop")
		for _, email := range []string{"bob@example.com", "carol@example.com", "bob@example.com"} {
			w.bob.must(t, "identify_customer($1, 'anns-laptop', $2)", w.project, email)
		}
		assert.Equal(t, "bob@example.com", w.customer(t, w.conversationCustomer(t, open))["email"])
		assert.Equal(t, annsCustomer, w.conversationCustomer(t, closed), "what was said as Ann stays Ann's")
		assert.Equal(t, annsCustomer, w.conversationCustomer(t, annsChat))
		assert.Equal(t, 3, read[int](t, w, `select count(*) from public.customers where email is not null`), "no two with an address were merged")
		w.bob.must(t, "track_visit($1, 'anns-laptop', 'https://shop.example/')", w.project)
		assert.Equal(t, w.conversationCustomer(t, open), read[string](t, w, `select customer_id::text from public.web_visits`), "and stays the second")
		assertTotalsAreTrue(t, w)
	})
}

func TestMergeCustomersLosesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.chat(t, w.ann, "laptop")
	w.ann.must(t, "track_visit($1, 'laptop', 'https://shop.example/', null, null, '{\"os\": \"macOS\"}')", w.project)
	w.ann.must(t, "identify_customer($1, 'laptop', 'ann@example.com')", w.project)
	phone := w.chat(t, w.bob, "phone")
	w.bob.must(t, "track_visit($1, 'phone', 'https://shop.example/phone', null, null, '{\"browser\": \"Safari\"}')", w.project)
	w.exec(t, `insert into public.lead_captures (project_id, session_id, customer_id, user_email, question) values ($1, $2, $3, 'a@example.com', '?')`,
		w.project, phone, w.customerOf(t, "phone"))
	laptopCustomer, phoneCustomer := w.customerOf(t, "laptop"), w.customerOf(t, "phone")
	w.exec(t, `update public.customers set merged_visitor_ids = '{tablet}', name = 'Ann', internal_notes = 'Phone note', first_seen_at = '2024-01-01Z',
		last_seen_at = '2999-01-01Z', is_flagged = true, flag_reason = 'rude', flagged_at = '2025-05-05Z', flagged_by = $2 where id = $1`, phoneCustomer, w.mike.id)
	w.exec(t, `update public.customers set internal_notes = 'Laptop note' where id = $1`, laptopCustomer)

	w.bob.must(t, "identify_customer($1, 'phone', 'ann@example.com')", w.project)

	kept := w.customer(t, laptopCustomer)
	assert.Equal(t, []any{"phone", "tablet"}, kept["merged_visitor_ids"])
	assert.Equal(t, "Ann", kept["name"])
	assert.Equal(t, "Laptop note\n\nPhone note", kept["internal_notes"])
	assert.Equal(t, "2024-01-01", kept["first_seen_at"].(string)[:10])
	assert.Equal(t, "2999-01-01", kept["last_seen_at"].(string)[:10])
	assert.Equal(t, true, kept["is_flagged"])
	assert.Equal(t, "rude", kept["flag_reason"])
	assert.Equal(t, "2025-05-05", kept["flagged_at"].(string)[:10])
	assert.Equal(t, w.mike.id, kept["flagged_by"], "not the visitor who caused the merge")
	assert.Equal(t, "https://shop.example/phone", kept["last_page_url"], "of the one seen last")
	assert.Equal(t, "Safari", kept["last_browser"])
	assert.Equal(t, "macOS", kept["last_os"], "what the one seen last did not tell")
	assert.InDelta(t, 2, kept["total_conversations"], 0)
	for _, table := range []string{"conversations", "web_visits", "lead_captures"} {
		assert.Zero(t, read[int](t, w, `select count(*) from public.`+table+` where customer_id is distinct from $1`, laptopCustomer), table)
	}
	assert.Equal(t, 0, read[int](t, w, `select count(*) from public.customers where id = $1`, phoneCustomer))
	assertTotalsAreTrue(t, w)
}

func TestMergeCustomersRefuses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.exec(t, `insert into public.customers (project_id, visitor_id, email) values ($1, 'a', 'A@example.com'), ($1, 'b', ' '), ($1, 'c', null)`, w.project)
	foreign := uuid.NewString()
	w.exec(t, `insert into public.projects (id, user_id) values ($1, $2)`, foreign, w.owner.id)
	w.exec(t, `insert into public.customers (project_id, visitor_id) values ($1, 'd')`, foreign)
	merge := func(source, target string) bool {
		return read[bool](t, w, `select handoff.merge_customers((select id from public.customers where visitor_id = $1),
			(select id from public.customers where visitor_id = $2))`, source, target)
	}
	assert.False(t, merge("a", "b"), "one that has an address")
	assert.False(t, merge("b", "b"), "itself")
	assert.False(t, merge("b", "d"), "another project's")
	assert.False(t, merge("b", "nobody"))
	assert.False(t, merge("nobody", "b"))
	assert.True(t, merge("b", "c"))
	assert.False(t, merge("b", "c"), "twice")
	assertTotalsAreTrue(t, w)
}

// crowd replaces the pools by ones that let many calls run at once.
func (w *world) crowd(t *testing.T) {
	t.Helper()
	for role, pool := range map[string]**pgxpool.Pool{"postgres": &w.root, "authenticator": &w.api} {
		config, err := pgxpool.ParseConfig(w.db.URL(role))
		require.NoError(t, err)
		config.MaxConns = 16
		*pool, err = pgxpool.NewWithConfig(t.Context(), config)
		require.NoError(t, err)
		t.Cleanup((*pool).Close)
	}
}

// together runs n calls at once; all of them must succeed in time, so no deadlock was resolved by refusing one.
func together(t *testing.T, n int, call func(ctx context.Context, i int) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	group, ctx := errgroup.WithContext(ctx)
	for i := range n {
		group.Go(func() error { return call(ctx, i) })
	}
	err := group.Wait()
	var refusal *pgconn.PgError
	if errors.As(err, &refusal) {
		t.Log(refusal.Detail, refusal.Where) // of a deadlock: who waited for whom, and where
	}
	require.NoError(t, err)
}

func TestMergeCustomersAtOnce(t *testing.T) {
	t.Parallel()

	t.Run("50 devices that give one address at once end as one customer", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.crowd(t)
		visitors := make([]actor, 50)
		for i := range visitors {
			visitors[i] = w.person(t, "", "")
		}
		together(t, len(visitors), func(ctx context.Context, i int) error {
			device := fmt.Sprintf("device-%d", i)
			if _, err := w.tryChat(ctx, visitors[i], device); err != nil {
				return err
			}
			if _, err := visitors[i].rpc(ctx, "track_visit($1, $2, 'https://shop.example/')", w.project, device); err != nil {
				return err
			}
			_, err := visitors[i].rpc(ctx, "identify_customer($1, $2, 'ann@example.com')", w.project, device)
			return err
		})
		customer := read[map[string]any](t, w, `select to_jsonb(c) from public.customers as c`)
		assert.InDelta(t, 50, customer["total_conversations"], 0)
		assert.Len(t, customer["merged_visitor_ids"], 49)
		assert.Equal(t, 50, read[int](t, w, `select count(*) from public.web_visits where customer_id = $1`, customer["id"]))
		assertTotalsAreTrue(t, w)
	})

	t.Run("one device met by 50 calls at once is one customer", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.crowd(t)
		together(t, 50, func(ctx context.Context, i int) error {
			if i%10 == 0 {
				_, err := w.ann.rpc(ctx, "identify_customer($1, 'v1', 'ann@example.com')", w.project)
				return err
			}
			_, err := w.ann.rpc(ctx, "track_visit($1, 'v1', 'https://shop.example/')", w.project)
			return err
		})
		assert.Equal(t, "ann@example.com", read[string](t, w, `select string_agg(email, ' and ') from public.customers`))
		assert.Equal(t, 1, read[int](t, w, `select count(*) from public.customers`))
		assert.Equal(t, 45, read[int](t, w, `select count(*) from public.web_visits`))
		assertTotalsAreTrue(t, w)
	})

	t.Run("A into B and B into A at once: one of them happens", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.crowd(t)
		for round := range 10 {
			a, b := fmt.Sprintf("a%d", round), fmt.Sprintf("b%d", round)
			w.exec(t, `insert into public.customers (project_id, visitor_id) values ($1, $2), ($1, $3)`, w.project, a, b)
			pair := []string{w.customerOf(t, a), w.customerOf(t, b)}
			together(t, 8, func(ctx context.Context, i int) error {
				_, err := w.root.Exec(ctx, `select handoff.merge_customers($1, $2)`, pair[i%2], pair[1-i%2])
				return err
			})
			assert.Equal(t, w.customerOf(t, a), w.customerOf(t, b))
		}
		assert.Equal(t, 10, read[int](t, w, `select count(*) from public.customers`))
		assertTotalsAreTrue(t, w)
	})

	t.Run("two customers who claim each other's address at once both stay", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.crowd(t)
		people := []actor{w.ann, w.bob}
		for i, person := range people {
			w.chat(t, person, fmt.Sprintf("v%d", i))
			person.must(t, "identify_customer($1, $2, $3)", w.project, fmt.Sprintf("v%d", i), fmt.Sprintf("p%d@example.com", i))
		}
		together(t, 16, func(ctx context.Context, i int) error {
			_, err := people[i%2].rpc(ctx, "identify_customer($1, $2, $3)", w.project, fmt.Sprintf("v%d", i%2), fmt.Sprintf("p%d@example.com", 1-i%2))
			return err
		})
		assert.Equal(t, 2, read[int](t, w, `select count(*) from public.customers`))
		assertTotalsAreTrue(t, w)
	})

	t.Run("nothing that is written during a merge is lost", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.crowd(t)
		w.exec(t, `insert into public.customers (project_id, visitor_id, email) values ($1, 'known', 'ann@example.com')`, w.project)
		visitors := make([]actor, 10)
		for i := range visitors {
			visitors[i] = w.person(t, "", "")
		}
		// On each device somebody identifies themselves while others chat, browse and write: five calls a device.
		together(t, 50, func(ctx context.Context, i int) error {
			device, visitor := fmt.Sprintf("device-%d", i%10), visitors[i%10]
			switch i / 10 {
			case 0, 1:
				_, err := visitor.rpc(ctx, "identify_customer($1, $2, 'ann@example.com')", w.project, device)
				return err
			case 2:
				_, err := visitor.rpc(ctx, "track_visit($1, $2, 'https://shop.example/')", w.project, device)
				return err
			default:
				id, err := w.tryChat(ctx, w.stranger(ctx), device)
				if err != nil {
					return err
				}
				_, err = w.root.Exec(ctx, `insert into public.messages (conversation_id, sender_type, content) values ($1, 'customer', 'Hello')`, id)
				return err
			}
		})
		assert.Equal(t, 20, read[int](t, w, `select count(*) from public.conversations where customer_id is not null`))
		assert.Equal(t, 20, read[int](t, w, `select count(*) from public.messages`))
		assert.Equal(t, 10, read[int](t, w, `select count(*) from public.web_visits`))
		assertTotalsAreTrue(t, w)
	})
}

// stranger is a new visitor, made without a test at hand.
func (w *world) stranger(ctx context.Context) actor {
	id := uuid.NewString()
	if _, err := w.root.Exec(ctx, `insert into auth.users (id, aud, role, is_anonymous) values ($1, 'authenticated', 'authenticated', true)`, id); err != nil {
		panic(fmt.Sprintf("insert visitor: %v", err))
	}
	return actor{w: w, id: id, role: "authenticated"}
}
