package gateway

import (
	"net/http"
	"strings"

	"github.com/supportbase/handoff/supabase/local/keys"
)

// refusalBody is what clients read when the gateway itself refuses a request.
type refusalBody struct {
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"`
}

var (
	errNoKey = refusalBody{
		Message: "No API key found in request",
		Hint:    "No `apikey` request header or url param was found.",
	}
	errUnknownKey = refusalBody{
		Message: "Invalid API key",
		Hint:    "Double check the publishable or secret API key of your project.",
	}
	errSecretInBrowser = refusalBody{
		Message: "Forbidden use of secret API key in browser",
		Hint:    "A secret key opens everything: use the publishable key in pages, and replace a secret key that was in one.",
	}
)

// admit checks the request's API key and puts the role token in its place. It returns nil when the request may pass,
// else what to tell the client. The request is changed: hand in a copy.
func (g *gateway) admit(r *http.Request, keyInQuery bool) *refusalBody {
	key, query := takeKey(r)
	if key == "" {
		return &errNoKey
	}
	token, err := g.ring.Resolve(key)
	if err != nil || !g.isRoleToken(token) {
		return &errUnknownKey
	}
	if key == keys.Secret && isBrowser(r.UserAgent()) {
		return &errSecretInBrowser
	}
	bearer, hasBearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if hasBearer && strings.HasPrefix(bearer, "sb_") && bearer != key {
		return &errUnknownKey
	}
	present(r, token, query, keyInQuery)
	return nil
}

// isRoleToken holds for the two legacy keys. Another token, however well signed, belongs in Authorization.
func (g *gateway) isRoleToken(token string) bool {
	return token == g.ring.AnonJWT() || token == g.ring.ServiceRoleJWT()
}

// isBrowser goes by the word that every browser has begun its name with since the first ones. It keeps honest people
// from shipping a secret key in a page; it is no protection.
func isBrowser(userAgent string) bool {
	return strings.Contains(userAgent, "Mozilla/")
}

// takeKey returns the API key and the raw query without it. The rest of the query keeps its order and its escapes.
func takeKey(r *http.Request) (key, query string) {
	params := strings.Split(r.URL.RawQuery, "&")
	kept := params[:0]
	for _, param := range params {
		if !strings.HasPrefix(param, "apikey=") {
			kept = append(kept, param)
		}
	}
	key = r.Header.Get("Apikey")
	if key == "" {
		key = r.URL.Query().Get("apikey")
	}
	return key, strings.Join(kept, "&")
}

// present shows the role token to the backend in every place where it may look. Authorization stays when it holds a
// user's token.
func present(r *http.Request, token, query string, keyInQuery bool) {
	if keyInQuery {
		query = strings.TrimPrefix(query+"&apikey="+token, "&")
	}
	r.URL.RawQuery = query
	r.Header.Set("Apikey", token)
	authorization := r.Header.Get("Authorization")
	if authorization == "" || strings.HasPrefix(authorization, "Bearer sb_") {
		r.Header.Set("Authorization", "Bearer "+token)
	}
}
