package rules_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func (w *world) shortcuts(t *testing.T) []string {
	t.Helper()
	return read[[]string](t, w, `select coalesce(array_agg(shortcut order by shortcut), '{}') from public.canned_responses`)
}

func TestCannedResponses(t *testing.T) {
	t.Parallel()
	const add = `insert into public.canned_responses (project_id, shortcut, content) values ($1, $2, $3)`

	t.Run("a shortcut is one word in lower case, without its slash", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		require.NoError(t, w.owner.run(t, add, w.project, " /Refund-2 ", "Done"))
		require.NoError(t, w.owner.run(t, add, w.project, "Grüße", "Hallo {name}"))
		assert.Equal(t, []string{"grüße", "refund-2"}, w.shortcuts(t))
		for _, wrong := range []any{"", "/", "two words", "a/b", "a.b", nil, "0123456789012345678901234567890123456789x"} {
			refused(t, w.owner.run(t, add, w.project, wrong, "Done"), "PT400", "shortcut_invalid")
		}
	})

	t.Run("a project has a shortcut once", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		require.NoError(t, w.owner.run(t, add, w.project, "refund", "Done"))
		refused(t, w.owner.run(t, add, w.project, "/REFUND", "Again"), "23505", "")
		refused(t, w.owner.run(t, add, w.project, "empty", ""), "23514", "")
	})

	t.Run("agents read them, admins write them, visitors have nothing to do with them", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		refused(t, w.sarah.run(t, add, w.project, "mine", "Done"), "42501", "")
		w.exec(t, `update public.project_members set role = 'admin' where user_id = $1`, w.mike.id)
		require.NoError(t, w.mike.run(t, add, w.project, "refund", "Done"))
		assert.Equal(t, 1, w.sarah.count(t, "canned_responses"))
		assert.Zero(t, w.ann.count(t, "canned_responses"))
		require.NoError(t, w.sarah.run(t, `update public.canned_responses set content = 'Hm' where true`))
		require.NoError(t, w.sarah.run(t, `delete from public.canned_responses where true`))
		assert.Equal(t, "Done", read[string](t, w, `select content from public.canned_responses`))
		require.NoError(t, w.mike.run(t, `update public.canned_responses set shortcut = '/Money' where true`))
		assert.Equal(t, []string{"money"}, w.shortcuts(t))
	})

	t.Run("dashboards are told to read them again", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		require.NoError(t, w.owner.run(t, add, w.project, "refund", "Done"))
		assert.Equal(t, 1, read[int](t, w, `select count(*) from handoff.outbox where kind = 'settings_changed' and xid = (
			select max(xid) from handoff.outbox)`))
	})
}
