package rest_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const representation = "Prefer: return=representation"

func TestInsert(t *testing.T) {
	t.Parallel()

	t.Run("one row answers 201 without a body", func(t *testing.T) {
		t.Parallel()
		got := setup(t).post(t, "/labels", `{"code":"new"}`)
		assertBody(t, got, http.StatusCreated, "")
		assert.Equal(t, "*/*", got.header.Get("Content-Range"))
		assert.Empty(t, got.header.Get("Location"))
	})
	t.Run("the representation has the columns asked for", func(t *testing.T) {
		t.Parallel()
		got := setup(t).post(t, "/books?select=title,author:authors!author_id(name),labels(code)",
			`{"title":"Loops","author_id":1}`, representation)
		assertBody(t, got, http.StatusCreated, `[{"title":"Loops","author":{"name":"Ada"},"labels":[]}]`)
		assert.Equal(t, "return=representation", got.header.Get("Preference-Applied"))
	})
	t.Run("a single object comes as an object", func(t *testing.T) {
		t.Parallel()
		got := setup(t).post(t, "/labels?select=code", `[{"code":"new"}]`, representation, "Accept: application/vnd.pgrst.object+json")
		assertBody(t, got, http.StatusCreated, `{"code":"new"}`)
	})
	t.Run("two rows asked for as an object are not kept", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		got := b.post(t, "/labels", `[{"code":"n1"},{"code":"n2"}]`, representation, "Accept: application/vnd.pgrst.object+json")
		assertRefused(t, got, http.StatusNotAcceptable, "PGRST116")
		assertBody(t, b.get(t, "/labels?code=like.n*"), http.StatusOK, `[]`)
	})
	t.Run("headers-only points to the row", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		got := b.post(t, "/book_labels", `{"book_id":3,"label_code":"sci"}`, "Prefer: return=headers-only")
		assertBody(t, got, http.StatusCreated, "")
		assert.Equal(t, "/book_labels?book_id=eq.3&label_code=eq.sci", got.header.Get("Location"))
	})
	t.Run("objects with different keys need columns", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		const body = `[{"code":"n1","caption":"x"},{"code":"n2"}]`
		assertRefused(t, b.post(t, "/labels", body), http.StatusBadRequest, "PGRST102")
		got := b.post(t, `/labels?columns="code","caption"`, body, representation)
		assertBody(t, got, http.StatusCreated, `[{"code":"n1","caption":"x"},{"code":"n2","caption":null}]`)
	})
	t.Run("missing=default fills in defaults", func(t *testing.T) {
		t.Parallel()
		got := setup(t).post(t, "/books?columns=title,price&select=title,price", `[{"title":"A"},{"title":"B","price":1}]`,
			"Prefer: return=representation, missing=default")
		assertBody(t, got, http.StatusCreated, `[{"title":"A","price":9.99},{"title":"B","price":1.00}]`)
	})
	t.Run("empty objects take all defaults, an empty list writes nothing", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		refused := assertRefused(t, b.post(t, "/labels", `{}`), http.StatusBadRequest, "23502")
		assert.Contains(t, refused.Message, "null value in column")
		assertBody(t, b.post(t, "/labels", `[]`, representation), http.StatusCreated, `[]`)
	})
	t.Run("column privileges suffice for the columns asked for", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		assertBody(t, b.post(t, "/wide?select=id", `{"id":2,"hidden":"x"}`, representation), http.StatusCreated, `[{"id":2}]`)
		assertRefused(t, b.post(t, "/wide", `{"id":3}`, representation), http.StatusForbidden, "42501")
	})
	t.Run("arrays, JSON and ranges arrive", func(t *testing.T) {
		t.Parallel()
		got := setup(t).post(t, "/authors?select=tags,details", `{"name":"New","tags":["a b","c,d"],"details":{"k":[1,null]}}`, representation)
		assertBody(t, got, http.StatusCreated, `[{"tags":["a b","c,d"],"details":{"k":[1,null]}}]`)
	})
}

func TestUpsert(t *testing.T) {
	t.Parallel()

	t.Run("merging answers 201 when a row is new", func(t *testing.T) {
		t.Parallel()
		got := setup(t).post(t, "/labels", `[{"code":"sci","caption":"S"},{"code":"new","caption":"N"}]`,
			"Prefer: resolution=merge-duplicates,return=representation")
		assertBody(t, got, http.StatusCreated, `[{"code":"sci","caption":"S"},{"code":"new","caption":"N"}]`)
		assert.Equal(t, "resolution=merge-duplicates, return=representation", got.header.Get("Preference-Applied"))
	})
	t.Run("merging answers 200 when all rows were there", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		assertBody(t, b.post(t, "/labels", `{"code":"sci","caption":"S"}`, "Prefer: resolution=merge-duplicates"), http.StatusOK, "")
		assertBody(t, b.get(t, "/labels?code=eq.sci"), http.StatusOK, `[{"code":"sci","caption":"S"}]`)
	})
	t.Run("ignoring leaves rows as they were", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		got := b.post(t, "/labels", `{"code":"sci","caption":"S"}`, "Prefer: resolution=ignore-duplicates,return=representation")
		assertBody(t, got, http.StatusCreated, `[]`)
		assertBody(t, b.get(t, "/labels?code=eq.sci"), http.StatusOK, `[{"code":"sci","caption":"Science"}]`)
	})
	t.Run("on_conflict names another key", func(t *testing.T) {
		t.Parallel()
		got := setup(t).post(t, "/authors?on_conflict=name&select=id,tags", `{"name":"Ada","tags":["x"]}`,
			"Prefer: resolution=merge-duplicates,return=representation")
		assertBody(t, got, http.StatusOK, `[{"id":1,"tags":["x"]}]`)
	})
}

func TestUpdate(t *testing.T) {
	t.Parallel()

	t.Run("answers 204 and changes what the filters choose", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		got := b.send(t, http.MethodPatch, "/books?author_id=eq.1", `{"price":5}`, "Prefer: count=exact")
		assertBody(t, got, http.StatusNoContent, "")
		assert.Equal(t, "0-1/2", got.header.Get("Content-Range"))
		assertBody(t, b.get(t, "/books?select=price&order=id"), http.StatusOK, `[{"price":5.00},{"price":5.00},{"price":30.00}]`)
	})
	t.Run("gives the representation, sorted", func(t *testing.T) {
		t.Parallel()
		got := setup(t).send(t, http.MethodPatch, "/books?author_id=eq.1&select=id,authors!author_id(name)&order=id.desc", `{"price":5}`, representation)
		assertBody(t, got, http.StatusOK, `[{"id":2,"authors":{"name":"Ada"}},{"id":1,"authors":{"name":"Ada"}}]`)
	})
	t.Run("of a single object must find one, with or without a representation", func(t *testing.T) {
		t.Parallel()
		got := setup(t).send(t, http.MethodPatch, "/books?author_id=eq.1", `{"price":5}`, "Accept: application/vnd.pgrst.object+json")
		assert.Equal(t, "The result contains 2 rows", assertRefused(t, got, http.StatusNotAcceptable, "PGRST116").Details)
	})
	t.Run("changes nothing without keys or rows", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		assertBody(t, b.send(t, http.MethodPatch, "/books?id=eq.1", `{}`, representation), http.StatusOK, `[]`)
		assertBody(t, b.send(t, http.MethodPatch, "/books?id=eq.99", `{"price":5}`, representation), http.StatusOK, `[]`)
	})
	t.Run("of all rows is refused", func(t *testing.T) {
		t.Parallel()
		refused := assertRefused(t, setup(t).send(t, http.MethodPatch, "/books", `{"price":5}`), http.StatusBadRequest, "21000")
		assert.Equal(t, "UPDATE requires a WHERE clause", refused.Message)
	})
	t.Run("of more rows than allowed is rolled back", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		got := b.send(t, http.MethodPatch, "/books?author_id=eq.1", `{"price":5}`, "Prefer: handling=strict, max-affected=1")
		refused := assertRefused(t, got, http.StatusBadRequest, "PGRST124")
		assert.Equal(t, "The query affects 2 rows", refused.Details)
		assertBody(t, b.get(t, "/books?select=id&price=eq.5"), http.StatusOK, `[]`)
	})
	t.Run("of an unknown column is refused", func(t *testing.T) {
		t.Parallel()
		refused := assertRefused(t, setup(t).send(t, http.MethodPatch, "/books?id=eq.1", `{"prize":5}`), http.StatusBadRequest, "PGRST204")
		assert.Equal(t, "Could not find the 'prize' column of 'books' in the schema cache", refused.Message)
	})
}

func TestDelete(t *testing.T) {
	t.Parallel()

	t.Run("answers 204 and removes what the filters choose", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		got := b.send(t, http.MethodDelete, "/book_labels?book_id=eq.2&label_code=in.(sci,x)", "", "Prefer: count=exact")
		assertBody(t, got, http.StatusNoContent, "")
		assert.Equal(t, "*/1", got.header.Get("Content-Range"))
		assertBody(t, b.get(t, "/book_labels?book_id=eq.2"), http.StatusOK, `[{"book_id":2,"label_code":"art"}]`)
	})
	t.Run("gives the representation", func(t *testing.T) {
		t.Parallel()
		got := setup(t).send(t, http.MethodDelete, "/book_labels?book_id=eq.1&select=labels(caption)", "", representation)
		assertBody(t, got, http.StatusOK, `[{"labels":{"caption":"Science"}}]`)
	})
	t.Run("of all rows is refused", func(t *testing.T) {
		t.Parallel()
		assertRefused(t, setup(t).send(t, http.MethodDelete, "/book_labels", ""), http.StatusBadRequest, "21000")
	})
}

func TestChangeRefusals(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, claim := range []struct {
		name, method, path, body string
		headers                  []string
		status                   int
		code                     string
	}{
		{"duplicate key", "POST", "/labels", `{"code":"sci"}`, nil, 409, "23505"},
		{"missing referenced row", "POST", "/books", `{"title":"x","author_id":99}`, nil, 409, "23503"},
		{"missing referenced row at the commit", "POST", "/deferred", `{"id":1,"other":99}`, nil, 409, "23503"},
		{"check constraint", "POST", "/authors", `{"name":""}`, nil, 400, "23514"},
		{"broken JSON", "POST", "/labels", `{"code":`, nil, 400, "PGRST102"},
		{"no body", "POST", "/labels", ``, nil, 400, "PGRST102"},
		{"list of scalars", "POST", "/labels", `[1]`, nil, 400, "PGRST102"},
		{"list of nulls", "POST", "/labels", `[null]`, nil, 400, "PGRST102"},
		{"unknown column", "POST", "/labels", `{"codes":"x"}`, nil, 400, "PGRST204"},
		{"unknown table", "POST", "/label", `{"code":"x"}`, nil, 404, "PGRST205"},
		{"unknown conflict column", "POST", "/labels?on_conflict=x", `{"code":"x"}`, []string{"Prefer: resolution=merge-duplicates"}, 400, "PGRST204"},
		{"conflict columns without a key", "POST", "/labels?on_conflict=caption", `{"code":"x"}`, []string{"Prefer: resolution=merge-duplicates"}, 400, "42P10"},
		{"content type", "POST", "/labels", `code=x`, []string{"Content-Type: text/yaml"}, 415, "PGRST102"},
		{"strict handling of an unknown preference", "POST", "/labels", `{"code":"x"}`, []string{"Prefer: handling=strict, foo=bar"}, 400, "PGRST122"},
		{"row of another owner", "POST", "/notes", `{"body":"x","owner":"00000000-0000-0000-0000-000000000001"}`, nil, 403, "42501"},
		{"method", "PUT", "/labels?code=eq.x", `{"code":"x"}`, nil, 405, "PGRST117"},
	} {
		t.Run(claim.name, func(t *testing.T) {
			t.Parallel()
			assertRefused(t, b.send(t, claim.method, claim.path, claim.body, claim.headers...), claim.status, claim.code)
		})
	}
}

func TestRowLevelSecurity(t *testing.T) {
	t.Parallel()
	b := setup(t)
	stranger := "Authorization: Bearer " + b.token(t, map[string]any{
		"role": "authenticated", "sub": "00000000-0000-0000-0000-000000000001", "exp": 4102444800,
	})

	got := b.post(t, "/notes?select=owner,body", `{"body":"mine"}`, representation)
	assertBody(t, got, http.StatusCreated, `[{"owner":"`+userID+`","body":"mine"}]`)

	assertBody(t, b.get(t, "/notes?select=body"), http.StatusOK, `[{"body":"mine"}]`)
	assertBody(t, b.get(t, "/notes?select=body", stranger), http.StatusOK, `[]`)
	assertBody(t, b.send(t, http.MethodPatch, "/notes?id=gt.0", `{"body":"theirs"}`, stranger, representation), http.StatusOK, `[]`)
	assertBody(t, b.get(t, "/notes?select=body", "Authorization: Bearer "+b.ring.ServiceRoleJWT()), http.StatusOK, `[{"body":"mine"}]`)

	var count int
	require.NoError(t, b.postgres(t).QueryRow(t.Context(), "select count(*) from public.notes where body = 'mine'").Scan(&count))
	assert.Equal(t, 1, count)
}
