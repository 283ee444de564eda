package rules_test

import (
	"fmt"
	"net/url"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const addQuickAction = `insert into public.quick_actions (project_id, label, link, position) values ($1, $2, $3, $4)`

// links are the quick actions as the actor sees them for the conversation.
func (a actor) links(t *testing.T, conversation string) []map[string]any {
	t.Helper()
	var links []map[string]any
	require.NoError(t, a.do(t.Context(), func(tx pgx.Tx) error {
		return tx.QueryRow(t.Context(), `select public.quick_action_links($1)`, conversation).Scan(&links)
	}))
	return links
}

func TestQuickActionLinks(t *testing.T) {
	t.Parallel()

	t.Run("are filled from the customer, in their order", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		id := w.ann.must(t, `start_conversation($1, 'v 1', 'widget', '{"plan": "a&b=c"}')`, w.project)["id"].(string)
		w.ann.must(t, "identify_customer($1, 'v 1', 'ann+x@example.com', 'Ann ☃')", w.project)
		for i, link := range []string{
			"mailto:{email}?subject=Reset", "https://x.example/u/{name}?plan={metadata.plan}&v={visitor_id}#{conversation_id}",
			"tel:+34600", "https://x.example",
		} {
			require.NoError(t, w.owner.run(t, addQuickAction, w.project, fmt.Sprint("Link ", i), link, 9-i))
		}
		links := w.sarah.links(t, id)
		require.Len(t, links, 4)
		assert.Equal(t, "https://x.example", links[0]["url"])
		assert.Equal(t, "Link 2", links[1]["label"])
		assert.Equal(t, "https://x.example/u/Ann%20%E2%98%83?plan=a%26b%3Dc&v=v%201#"+id, links[2]["url"])
		assert.Equal(t, "mailto:ann%2Bx@example.com?subject=Reset", links[3]["url"])
	})

	t.Run("say what is missing instead of opening half a link", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		require.NoError(t, w.owner.run(t, addQuickAction, w.project, "Mail", "mailto:{email}?body={metadata.plan}", 0))
		link := w.sarah.links(t, w.conversation(t, w.ann))[0]
		assert.Nil(t, link["url"])
		assert.ElementsMatch(t, []any{"email", "metadata.plan"}, link["missing"])
	})

	t.Run("are for members", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		id := w.conversation(t, w.ann)
		for who, code := range map[*actor]string{&w.ann: "not_a_member", &w.bob: "conversation_not_found"} {
			_, err := who.rpc(t.Context(), "quick_action_links($1)", id)
			refused(t, err, map[string]string{"not_a_member": "PT403", "conversation_not_found": "PT404"}[code], code)
		}
	})
}

func TestQuickActionTemplates(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, wrong := range []any{
		nil, "", "http://x.example", "javascript:alert(1)", "data:text/html,x", "//x.example", "https://", "https://{name}",
		"https://{name}.example", "https://x.example{name}", "https://x.example:{name}", "https://u@x.example", "https://x.example/{nothing}",
		"https://x.example/{name", "https://x.example/}", "https://x.example/ x", "https://x.example/<b>", "https://x.example/\nx",
		"https://x.example/'", "HTTPS:{name}", "mailto:{metadata.}", "https://x.example\\@y.example",
	} {
		refused(t, w.owner.run(t, addQuickAction, w.project, "Link", wrong, 0), "PT400", "link_invalid")
	}
	for _, right := range []string{
		"https://x.example:8443?q={email}", "https://x.example/a/{customer_id}/b", "https://x.example#{name}", "mailto:{email}", "tel:{metadata.phone}",
	} {
		require.NoError(t, w.owner.run(t, addQuickAction, w.project, "Link", right, 0), right)
	}
	refused(t, w.sarah.run(t, addQuickAction, w.project, "Link", "https://x.example", 0), "42501", "")
}

// A visitor chooses the values: whatever they are, the link stays where the template puts it.
func TestQuickActionsStayOnTheirHost(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.conversation(t, w.ann)
	require.NoError(t, w.owner.run(t, addQuickAction, w.project, "Link", "https://x.example/users/{name}/card?q=1", 0))
	for _, name := range []string{
		"/../../evil", "../..", "..", ".", "%2e%2e", "?q=2", "#", "\\evil", "@evil.example", "//evil.example", "a\tb", "ﾊﾝ", "{email}",
	} {
		w.exec(t, `update public.customers set name = $1`, name)
		link := w.sarah.links(t, id)[0]
		if link["url"] == nil {
			assert.Contains(t, []string{"..", "."}, name)
			continue
		}
		parsed, err := url.Parse(link["url"].(string))
		require.NoError(t, err, name)
		assert.Equal(t, "x.example", parsed.Host)
		assert.Equal(t, "/users/"+name+"/card", parsed.Path)
		assert.Equal(t, "q=1", parsed.RawQuery)
		assert.Equal(t, "/users/"+name+"/card", parsed.JoinPath().Path, "no part of the path climbs")
	}
}
