package rest_test

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestRead(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, claim := range []struct{ name, path, body string }{
		{"names columns", "/authors?select=id,name&order=id", `[{"id":1,"name":"Ada"},{"id":2,"name":"Grace"},{"id":3,"name":"Linus"}]`},
		{"gives all columns of a view", "/even_numbers?limit=2&order=n", `[{"n":2},{"n":4}]`},
		{"renames and casts", "/books?select=label:title,cost:price::text&id=eq.1", `[{"label":"Engines","cost":"10.50"}]`},
		{"follows JSON paths", "/authors?select=details->address->>city,f:details->address->floors->0&id=eq.1", `[{"city":"London","f":1}]`},
		{"follows a path into an array column", "/authors?select=tags->0&id=eq.1", `[{"tags":"math"}]`},
		{"quotes names", "/" + url.PathEscape(`Odd "Name`) + "?select=" + url.QueryEscape(`"a b",Ünïcode-x`), `[]`},
		{"answers no rows with an empty list", "/authors?id=eq.99", `[]`},

		{"filters by eq", "/authors?select=id&name=eq.Ada", `[{"id":1}]`},
		{"filters by neq", "/authors?select=id&name=neq.Ada&order=id", `[{"id":2},{"id":3}]`},
		{"filters by gt and lte", "/books?select=id&price=gt.10.5&price=lte.20", `[{"id":2}]`},
		{"filters by gte and lt", "/books?select=id&pages=gte.100&pages=lt.200", `[{"id":1}]`},
		{"filters by like with stars", "/authors?select=id&name=like.*a&order=id", `[{"id":1}]`},
		{"filters by ilike", "/authors?select=id&name=ilike.a*", `[{"id":1}]`},
		{"filters by like any", "/authors?select=id&name=like(any).{A*,G*}&order=id", `[{"id":1},{"id":2}]`},
		{"filters by ilike all", "/authors?select=id&name=ilike(all).{a*,*a}", `[{"id":1}]`},
		{"filters by match", "/authors?select=id&name=match.^A", `[{"id":1}]`},
		{"filters by imatch", "/authors?select=id&name=imatch.^a", `[{"id":1}]`},
		{"filters by in", "/authors?select=id&name=in.(Ada,%22Linus%22)&order=id", `[{"id":1},{"id":3}]`},
		{"filters by an empty in", "/authors?select=id&name=in.()", `[]`},
		{"filters by is null", "/authors?select=id&born=is.null", `[{"id":3}]`},
		{"filters by not is null", "/authors?select=id&born=not.is.null&order=id", `[{"id":1},{"id":2}]`},
		{"filters by isdistinct", "/authors?select=id&mentor_id=isdistinct.1&order=id", `[{"id":1},{"id":3}]`},
		{"filters by cs on arrays", "/authors?select=id&tags=cs.{math}", `[{"id":1}]`},
		{"filters by cs on JSON", `/authors?select=id&details=cs.{"vip":true}`, `[{"id":1}]`},
		{"filters by cd", "/authors?select=id&tags=cd.{navy,math}&order=id", `[{"id":2},{"id":3}]`},
		{"filters by ov", "/authors?select=id&tags=ov.{navy,math}&order=id", `[{"id":1},{"id":2}]`},
		{"filters by ranges", "/books?select=id&sold=sl.[5,6)", `[{"id":1}]`},
		{"filters by adjacency", "/books?select=id&sold=adj.[9,10)", `[{"id":2}]`},
		{"filters by text search", "/books?select=id&title=fts(english).engine", `[{"id":1}]`},
		{"filters by web search", "/books?select=id&title=wfts.weaving", `[{"id":2}]`},
		{"filters inside JSON", "/authors?select=id&details->address->>city=eq.London", `[{"id":1}]`},
		{"negates", "/authors?select=id&name=not.in.(Ada,Grace)", `[{"id":3}]`},
		{"combines by or and and", "/authors?select=id&or=(name.eq.Ada,and(id.gt.1,id.lt.3))&order=id", `[{"id":1},{"id":2}]`},
		{"negates groups", "/authors?select=id&not.or=(id.eq.1,name.eq.Grace)", `[{"id":3}]`},
		{"keeps commas of quoted values in groups", `/authors?select=id&or=(name.eq."a,b",id.eq.2)`, `[{"id":2}]`},
		{"binds hostile values", "/authors?select=id&name=eq.'%3Bdrop+table+authors%3B--", `[]`},

		{"sorts by several columns", "/books?select=id&order=author_id.desc,price.desc", `[{"id":3},{"id":2},{"id":1}]`},
		{"sorts nulls first", "/books?select=id&order=pages.asc.nullsfirst", `[{"id":3},{"id":1},{"id":2}]`},
		{"sorts nulls last", "/books?select=id&order=pages.desc.nullslast", `[{"id":2},{"id":1},{"id":3}]`},
		{"sorts by a JSON path", "/authors?select=id&order=details->address->>city.nullslast", `[{"id":1},{"id":2},{"id":3}]`},
		{"pages", "/numbers?order=n&limit=2&offset=5", `[{"n":6},{"n":7}]`},
		{"takes limit 0", "/numbers?limit=0", `[]`},
	} {
		t.Run(claim.name, func(t *testing.T) {
			t.Parallel()
			assertBody(t, b.get(t, claim.path), http.StatusOK, claim.body)
		})
	}
}

func TestReadEmbedded(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, claim := range []struct{ name, path, body string }{
		{"gives the one row as an object", "/books?select=id,authors!books_author_id_fkey(name)&id=eq.1", `[{"id":1,"authors":{"name":"Ada"}}]`},
		{"gives many rows as a list", "/authors?select=id,books!author_id(title)&id=eq.1&books.order=id", `[{"id":1,"books":[{"title":"Engines"},{"title":"Weaving"}]}]`},
		{"gives an empty list and null", "/authors?select=books!author_id(id),profiles(motto)&id=eq.3", `[{"books":[],"profiles":null}]`},
		{"knows one to one", "/authors?select=profiles(motto)&id=eq.1", `[{"profiles":{"motto":"notes"}}]`},
		{"names the foreign key", "/books?select=books_editor_id_fkey(name)&id=eq.1", `[{"books_editor_id_fkey":{"name":"Grace"}}]`},
		{"names the column", "/books?select=editor_id(name)&id=eq.1", `[{"editor_id":{"name":"Grace"}}]`},
		{"renames", "/books?select=writer:authors!author_id(name)&id=eq.3", `[{"writer":{"name":"Grace"}}]`},
		{"goes through a junction", "/books?select=id,labels(code)&id=eq.2&labels.order=code", `[{"id":2,"labels":[{"code":"art"},{"code":"sci"}]}]`},
		{
			"nests", "/authors?select=name,books!author_id(title,book_labels(labels(caption)))&id=eq.1&books.id=eq.1",
			`[{"name":"Ada","books":[{"title":"Engines","book_labels":[{"labels":{"caption":"Science"}}]}]}]`,
		},
		{
			"goes up and down a self reference", "/authors?select=name,mentor:mentor_id(name),pupils:authors!mentor_id(name)&order=id&limit=2",
			`[{"name":"Ada","mentor":null,"pupils":[{"name":"Grace"}]},{"name":"Grace","mentor":{"name":"Ada"},"pupils":[]}]`,
		},
		{"drops rows by inner", "/authors?select=name,profiles!inner(motto)&profiles.motto=eq.notes", `[{"name":"Ada","profiles":{"motto":"notes"}}]`},
		{"drops rows by inner on a list", "/authors?select=name,books!author_id!inner(id)&books.price=gt.25", `[{"name":"Grace","books":[{"id":3}]}]`},
		{"only joins without columns", "/authors?select=name,books!author_id!inner()&books.price=gt.25", `[{"name":"Grace"}]`},
		{"asks for absence", "/authors?select=name,profiles()&profiles=is.null", `[{"name":"Linus"}]`},
		{"asks for presence in a group", "/authors?select=name,books!author_id()&or=(books.not.is.null,name.eq.Linus)&order=id", `[{"name":"Ada"},{"name":"Grace"},{"name":"Linus"}]`},
		{"limits and sorts inside", "/authors?select=books!author_id(id)&id=eq.1&books.order=id.desc&books.limit=1", `[{"books":[{"id":2}]}]`},
		{"filters inside by groups", "/authors?select=books!author_id(id)&id=eq.1&books.or=(id.eq.2,id.eq.9)", `[{"books":[{"id":2}]}]`},
		{"sorts by a related column", "/books?select=id,authors!author_id(name)&order=authors(name).desc,id&limit=1", `[{"id":3,"authors":{"name":"Grace"}}]`},
		{"spreads", "/books?select=id,...authors!author_id(writer:name)&id=eq.1", `[{"id":1,"writer":"Ada"}]`},
	} {
		t.Run(claim.name, func(t *testing.T) {
			t.Parallel()
			assertBody(t, b.get(t, claim.path), http.StatusOK, claim.body)
		})
	}
}

func TestReadRefusals(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, claim := range []struct {
		name, path string
		status     int
		code       string
		message    string
	}{
		{"unknown table", "/author", 404, "PGRST205", "Could not find the table 'public.author' in the schema cache"},
		{"unknown column", "/authors?select=nope", 400, "42703", "column authors.nope does not exist"},
		{"unknown relationship", "/authors?select=numbers(*)", 400, "PGRST200", "Could not find a relationship between 'authors' and 'numbers' in the schema cache"},
		{"ambiguous relationship", "/books?select=authors(*)", 300, "PGRST201", "Could not embed because more than one relationship was found for 'books' and 'authors'"},
		{"filter on what is not embedded", "/authors?books.id=eq.1", 400, "PGRST108", "'books' is not an embedded resource in this request"},
		{"comparison with an embedded table", "/authors?select=profiles()&profiles=eq.1", 400, "PGRST120", "Bad operator on the 'profiles' embedded resource"},
		{"order by a related list", "/authors?select=books!author_id(id)&order=books(id)", 400, "PGRST118", "A related order on 'books' is not possible"},
		{"operator that does not exist", "/authors?id=noop.1", 400, "PGRST100", `"failed to parse filter (noop.1)" (line 1, column 1)`},
		{"aggregate", "/authors?select=id.sum()", 400, "PGRST123", "Use of aggregate functions is not allowed"},
		{"spread of a list", "/authors?select=...books!author_id(id)", 400, "PGRST127", "Feature not implemented"},
		{"negative limit", "/authors?limit=-1", 416, "PGRST103", "Requested range not satisfiable"},
		{"value of the wrong type", "/authors?id=eq.x", 400, "22P02", `invalid input syntax for type bigint: "x"`},
		{"table without a grant", "/secrets", 403, "42501", "permission denied for table secrets"},
		{"root", "/", 404, "PGRST126", "Root endpoint metadata is disabled"},
		{"path below a table", "/authors/1", 404, "PGRST125", "Invalid path specified in request URL"},
	} {
		t.Run(claim.name, func(t *testing.T) {
			t.Parallel()
			refused := assertRefused(t, b.get(t, claim.path), claim.status, claim.code)
			assert.Equal(t, claim.message, refused.Message)
		})
	}

	t.Run("a misspelt table gets a hint", func(t *testing.T) {
		t.Parallel()
		assert.Equal(t, "Perhaps you meant the table 'public.authors'", b.get(t, "/author").refusal(t).Hint)
	})
	t.Run("an ambiguous relationship lists the ways", func(t *testing.T) {
		t.Parallel()
		refused := b.get(t, "/books?select=authors(*)").refusal(t)
		require.IsType(t, []any{}, refused.Details)
		assert.Len(t, refused.Details, 2)
		assert.Equal(t, "Try changing 'authors' to one of the following: 'authors!books_author_id_fkey', 'authors!books_editor_id_fkey'. "+
			"Find the desired relationship in the 'details' key.", refused.Hint)
	})
}

func TestReadRange(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, claim := range []struct {
		name, path   string
		headers      []string
		status       int
		contentRange string
	}{
		{"is not counted unasked", "/authors", nil, 200, "0-2/*"},
		{"is whole", "/authors", []string{"Prefer: count=exact"}, 200, "0-2/3"},
		{"is partial", "/authors?limit=2", []string{"Prefer: count=exact"}, 206, "0-1/3"},
		{"counts what the filters leave", "/authors?id=gt.1&limit=1", []string{"Prefer: count=exact"}, 206, "0-0/2"},
		{"counts through inner joins", "/authors?select=books!author_id!inner(id)&books.price=gt.25", []string{"Prefer: count=exact"}, 200, "0-0/1"},
		{"counts absence", "/authors?select=profiles()&profiles=is.null", []string{"Prefer: count=exact"}, 200, "0-0/1"},
		{"of nothing has no rows", "/authors?id=eq.99", []string{"Prefer: count=exact"}, 200, "*/0"},
		{"is taken from the Range header", "/numbers?order=n", []string{"Range: 10-19"}, 200, "10-19/*"},
		{"narrows limit and offset by the header", "/numbers?offset=5&limit=10", []string{"Range: 10-"}, 200, "10-14/*"},
		{"ends at 1000 rows", "/numbers", []string{"Prefer: count=exact"}, 206, "0-999/1200"},
		{"is planned from statistics", "/numbers", []string{"Prefer: count=planned"}, 206, "0-999/1200"},
		{"is estimated exactly when small", "/authors", []string{"Prefer: count=estimated"}, 200, "0-2/3"},
		{"is estimated from statistics when large", "/numbers", []string{"Prefer: count=estimated"}, 206, "0-999/1200"},
	} {
		t.Run(claim.name, func(t *testing.T) {
			t.Parallel()
			got := b.get(t, claim.path, claim.headers...)
			assert.Equal(t, claim.status, got.status, "body: %s", got.body)
			assert.Equal(t, claim.contentRange, got.header.Get("Content-Range"))
		})
	}

	t.Run("an offset behind the end is refused", func(t *testing.T) {
		t.Parallel()
		refused := assertRefused(t, b.get(t, "/authors?offset=9", "Prefer: count=exact"), 416, "PGRST103")
		assert.Equal(t, "An offset of 9 was requested, but there are only 3 rows.", refused.Details)
	})
	t.Run("HEAD has the headers and no body", func(t *testing.T) {
		t.Parallel()
		got := b.send(t, http.MethodHead, "/authors", "", "Prefer: count=exact")
		assertBody(t, got, http.StatusOK, "")
		assert.Equal(t, "0-2/3", got.header.Get("Content-Range"))
	})
}

func TestReadMedia(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const object = "Accept: application/vnd.pgrst.object+json"

	t.Run("one row comes as an object", func(t *testing.T) {
		t.Parallel()
		got := b.get(t, "/authors?select=id&id=eq.1", object)
		assertBody(t, got, http.StatusOK, `{"id":1}`)
		assert.Equal(t, "application/vnd.pgrst.object+json; charset=utf-8", got.header.Get("Content-Type"))
	})
	for path, details := range map[string]string{
		"/authors":          "The result contains 3 rows",
		"/authors?id=eq.99": "The result contains 0 rows",
	} {
		t.Run("not one row is refused: "+details, func(t *testing.T) {
			t.Parallel()
			refused := assertRefused(t, b.get(t, path, object), http.StatusNotAcceptable, "PGRST116")
			assert.Equal(t, "Cannot coerce the result to a single JSON object", refused.Message)
			assert.Equal(t, details, refused.Details)
		})
	}
	t.Run("nulls are stripped on request", func(t *testing.T) {
		t.Parallel()
		const path = "/authors?select=id,born&id=eq.3"
		assertBody(t, b.get(t, path, object+";nulls=stripped"), http.StatusOK, `{"id":3}`)
		assertBody(t, b.get(t, path, "Accept: application/vnd.pgrst.array+json;nulls=stripped"), http.StatusOK, `[{"id":3}]`)
	})
	t.Run("a plan is refused", func(t *testing.T) {
		t.Parallel()
		got := b.get(t, "/authors", `Accept: application/vnd.pgrst.plan+text; for="application/json"; options=analyze;`)
		assertRefused(t, got, http.StatusNotAcceptable, "PGRST107")
	})
	t.Run("a named schema is named in the answer", func(t *testing.T) {
		t.Parallel()
		assert.Equal(t, "public", b.get(t, "/authors", "Accept-Profile: public").header.Get("Content-Profile"))
		assertRefused(t, b.get(t, "/authors", "Accept-Profile: auth"), http.StatusNotAcceptable, "PGRST106")
	})
}
