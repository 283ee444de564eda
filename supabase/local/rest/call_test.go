package rest_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestCall(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, claim := range []struct{ name, path, body, want string }{
		{"gives a scalar", "/rpc/add", `{"a":1,"b":2}`, `3`},
		{"leaves defaults to the function", "/rpc/add", `{"a":1}`, `11`},
		{"gives text as a JSON string", "/rpc/shout", `{"word":"hi"}`, `"HI"`},
		{"chooses an overload by its names", "/rpc/shout", `{"word":"hi","times":2}`, `"HIHI"`},
		{"gives null", "/rpc/nullable", `{}`, `null`},
		{"needs no body", "/rpc/nullable", ``, `null`},
		{"gives a JSON document as it is", "/rpc/document", `{"body":{"a":[1,"x"]}}`, `{"a":[1,"x"],"seen":true}`},
		{"takes the whole body", "/rpc/whole", `{"x":1}`, `{"got":{"x":1}}`},
		{"takes a whole body that is no object", "/rpc/whole", `[1,2]`, `{"got":[1,2]}`},
		{"gives a row as an object", "/rpc/one_author?select=id,name", `{"author":2}`, `{"id":2,"name":"Grace"}`},
		{"gives a set of rows as a list", "/rpc/all_authors?select=name&order=name.desc&limit=2", `{}`, `[{"name":"Linus"},{"name":"Grace"}]`},
		{"filters a set of rows", "/rpc/all_authors?select=name&id=gt.2", `{}`, `[{"name":"Linus"}]`},
		{"embeds in a set of a table's rows", "/rpc/all_authors?select=name,profiles(motto)&id=eq.1", `{}`, `[{"name":"Ada","profiles":{"motto":"notes"}}]`},
		{"embeds up and down", "/rpc/all_authors?select=mentor:mentor_id(name)&id=eq.2", `{}`, `[{"mentor":{"name":"Ada"}}]`},
		{"gives a set of scalars as a list", "/rpc/counted", `{"upto":3}`, `[1,2,3]`},
		{"gives a table", "/rpc/pairs?k=eq.b", `{}`, `[{"k":"b","v":2}]`},
		{"gives a table of one column as rows", "/rpc/single_column", `{}`, `[{"k":"a"}]`},
		{"gives out parameters as an object", "/rpc/out_pair", `{"x":5}`, `{"low":4,"high":6}`},
		{"takes variadic parameters as a list", "/rpc/total", `{"xs":[1,2,3]}`, `6`},
		{"takes an array", "/rpc/joined", `{"words":["a b","c"]}`, `"a b+c"`},
	} {
		t.Run(claim.name, func(t *testing.T) {
			t.Parallel()
			assertBody(t, b.post(t, claim.path, claim.body), http.StatusOK, claim.want)
		})
	}
	for _, claim := range []struct{ name, path, want string }{
		{"takes arguments from the query string", "/rpc/add?a=1&b=2", `3`},
		{"takes arrays in braces", "/rpc/joined?words={a,b}", `"a+b"`},
		{"takes repeated variadic arguments", "/rpc/total?xs=1&xs=2", `3`},
		{"takes JSON", `/rpc/document?body={"a":1}`, `{"a":1,"seen":true}`},
		{"tells filters from arguments", "/rpc/one_author?author=1&select=name&name=eq.Ada", `{"name":"Ada"}`},
	} {
		t.Run("by GET "+claim.name, func(t *testing.T) {
			t.Parallel()
			assertBody(t, b.get(t, claim.path), http.StatusOK, claim.want)
		})
	}
	t.Run("void answers 204", func(t *testing.T) {
		t.Parallel()
		got := b.post(t, "/rpc/nothing", `{}`)
		assertBody(t, got, http.StatusNoContent, "")
		assert.Empty(t, got.header.Get("Content-Type"))
	})
	t.Run("a void function is called though nothing reads its result", func(t *testing.T) {
		t.Parallel()
		assert.Equal(t, "checked", assertRefused(t, b.post(t, "/rpc/check_stable", `{}`), http.StatusBadRequest, "P0001").Message)
	})
	t.Run("sets are counted and capped", func(t *testing.T) {
		t.Parallel()
		got := b.post(t, "/rpc/counted", `{"upto":1500}`, "Prefer: count=exact")
		assert.Equal(t, http.StatusPartialContent, got.status)
		assert.Equal(t, "0-999/1500", got.header.Get("Content-Range"))
	})
	t.Run("one row of a set comes as an object", func(t *testing.T) {
		t.Parallel()
		const object = "Accept: application/vnd.pgrst.object+json"
		assertBody(t, b.post(t, "/rpc/pairs?k=eq.a", `{}`, object), http.StatusOK, `{"k":"a","v":1}`)
		assertRefused(t, b.post(t, "/rpc/pairs", `{}`, object), http.StatusNotAcceptable, "PGRST116")
	})
	t.Run("HEAD has no body", func(t *testing.T) {
		t.Parallel()
		got := b.send(t, http.MethodHead, "/rpc/pairs", "", "Prefer: count=exact")
		assertBody(t, got, http.StatusOK, "")
		assert.Equal(t, "0-1/2", got.header.Get("Content-Range"))
	})
}

func TestCallRefusals(t *testing.T) {
	t.Parallel()
	b := setup(t)

	t.Run("unknown function", func(t *testing.T) {
		t.Parallel()
		refused := assertRefused(t, b.post(t, "/rpc/shoute", `{"word":"x"}`), http.StatusNotFound, "PGRST202")
		assert.Equal(t, refusal{
			Code:    "PGRST202",
			Message: "Could not find the function public.shoute(word) in the schema cache",
			Details: "Searched for the function public.shoute with parameter word or with a single unnamed json/jsonb parameter, but no matches were found in the schema cache.",
			Hint:    "Perhaps you meant to call the function public.shout",
		}, refused)
	})
	t.Run("wrong arguments", func(t *testing.T) {
		t.Parallel()
		refused := assertRefused(t, b.get(t, "/rpc/shout?words=x&times=2"), http.StatusNotFound, "PGRST202")
		assert.Equal(t, "Could not find the function public.shout(times, words) in the schema cache", refused.Message)
		assert.Equal(t, "Searched for the function public.shout with parameters times, words, but no matches were found in the schema cache.", refused.Details)
		assert.Equal(t, "Perhaps you meant to call the function public.shout(times, word)", refused.Hint)
	})
	t.Run("no arguments", func(t *testing.T) {
		t.Parallel()
		refused := assertRefused(t, b.post(t, "/rpc/zzz", ``), http.StatusNotFound, "PGRST202")
		assert.Equal(t, "Could not find the function public.zzz without parameters in the schema cache", refused.Message)
		assert.Nil(t, refused.Hint)
	})
	t.Run("two overloads with the same names", func(t *testing.T) {
		t.Parallel()
		refused := assertRefused(t, b.post(t, "/rpc/twin", `{"x":1}`), http.StatusMultipleChoices, "PGRST203")
		assert.Equal(t, "Could not choose the best candidate function between: public.twin(x => integer), public.twin(x => text)", refused.Message)
	})
	for _, claim := range []struct {
		name, method, path, body string
		headers                  []string
		status                   int
		code                     string
	}{
		{"trigger function", "POST", "/rpc/on_change", `{}`, nil, 404, "PGRST202"},
		{"method", "PATCH", "/rpc/add", `{}`, nil, 405, "PGRST101"},
		{"write by GET", "GET", "/rpc/add_label?code=x", ``, nil, 405, "25006"},
		{"write by a stable function", "POST", "/rpc/write_stable", `{}`, nil, 405, "25006"},
		{"broken JSON", "POST", "/rpc/add", `{"a":`, nil, 400, "PGRST102"},
		{"argument of the wrong type", "POST", "/rpc/add", `{"a":"x"}`, nil, 400, "22P02"},
		{"max-affected without a set", "POST", "/rpc/add", `{"a":1}`, []string{"Prefer: handling=strict,max-affected=1"}, 400, "PGRST128"},
		{"more rows than allowed", "POST", "/rpc/pairs", `{}`, []string{"Prefer: handling=strict,max-affected=1"}, 400, "PGRST124"},
	} {
		t.Run(claim.name, func(t *testing.T) {
			t.Parallel()
			assertRefused(t, b.send(t, claim.method, claim.path, claim.body, claim.headers...), claim.status, claim.code)
		})
	}
}
