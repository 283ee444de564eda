package rest_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestCSV(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const accept = "Accept: text/csv"
	for claim, test := range map[string]struct{ path, body string }{
		"names the columns, then gives the rows":  {"/labels?select=code,caption&code=in.(art,sci)&order=code", "code,caption\nart,\nsci,Science"},
		"quotes what holds a comma":               {"/authors?select=name,tags&id=eq.1", "name,tags\nAda,\"{math,poetry}\""},
		"has no names without a row":              {"/labels?code=eq.none", "\n"},
		"gives the rows of a function":            {"/rpc/pairs?order=k", "k,v\na,1\nb,2"},
		"gives one value under the name it takes": {"/rpc/shout?word=hi", "pgrst_scalar\nHI"},
	} {
		t.Run(claim, func(t *testing.T) {
			t.Parallel()
			got := b.get(t, test.path, accept)
			assertBody(t, got, http.StatusOK, test.body)
			assert.Equal(t, "text/csv; charset=utf-8", got.header.Get("Content-Type"))
		})
	}
	t.Run("gives what an insert made", func(t *testing.T) {
		t.Parallel()
		got := b.post(t, "/labels?select=code", `{"code":"new"}`, accept, "Prefer: return=representation")
		assertBody(t, got, http.StatusCreated, "code\nnew")
	})
}
