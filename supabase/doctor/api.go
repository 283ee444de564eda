package doctor

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// answerBytes is how much of an answer is read.
const answerBytes = 1 << 16

// unknownProject is a project that does not exist anywhere.
const unknownProject = "00000000-0000-0000-0000-000000000000"

// answer is what the API said.
type answer struct {
	status int
	body   []byte
}

// code is the code of a PostgREST error.
func (a answer) code() string {
	var refusal struct {
		Code string `json:"code"`
	}
	if json.Unmarshal(a.body, &refusal) != nil {
		return ""
	}
	return refusal.Code
}

// reads says whether it is a success whose JSON could be read into the target.
func (a answer) reads(into any) bool {
	return a.status == http.StatusOK && json.Unmarshal(a.body, into) == nil
}

func (p *patient) request(ctx context.Context, method, path, key, body string) (answer, error) {
	request, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(p.SupabaseURL, "/")+path, strings.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	request.Header.Set("apikey", key)
	if !strings.HasPrefix(key, "sb_") { // an sb_ key is no token: as a bearer it would be refused
		request.Header.Set("Authorization", "Bearer "+key)
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := p.client.Do(request)
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = response.Body.Close() }()
	content, err := io.ReadAll(io.LimitReader(response.Body, answerBytes))
	return answer{status: response.StatusCode, body: content}, err
}

// keyKind is what a key is for: "secret", "publishable", or "" when its form does not tell.
func keyKind(key string) string {
	switch {
	case strings.HasPrefix(key, "sb_secret_"):
		return "secret"
	case strings.HasPrefix(key, "sb_publishable_"):
		return "publishable"
	}
	parts := strings.Split(key, ".")
	if len(parts) != 3 {
		return ""
	}
	var claims struct {
		Role string `json:"role"`
	}
	text, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil || json.Unmarshal(text, &claims) != nil {
		return ""
	}
	return map[string]string{"service_role": "secret", "anon": "publishable"}[claims.Role]
}

func askSecretKey(ctx context.Context, p *patient) ([]Finding, error) {
	if p.SecretKey == "" {
		return skipped("SUPABASE_SECRET_KEY is not set"), nil
	}
	if keyKind(p.SecretKey) == "publishable" {
		return []Finding{broken("SUPABASE_SECRET_KEY is a publishable key: private channels refuse it",
			"Take a secret key (sb_secret_...) from the project's API settings.")}, nil
	}
	said, err := p.request(ctx, http.MethodGet, "/rest/v1/agent_availability?select=id&limit=1", p.SecretKey, "")
	if err != nil {
		return []Finding{unreachable(err)}, nil
	}
	switch {
	case said.status == http.StatusUnauthorized || said.status == http.StatusForbidden:
		return []Finding{broken(fmt.Sprintf("the API refuses SUPABASE_SECRET_KEY with HTTP %d", said.status),
			"Check that it is a key of this project and has not been revoked.")}, nil
	case said.status >= http.StatusInternalServerError:
		return []Finding{broken(fmt.Sprintf("the API answers HTTP %d", said.status), "See Supabase's status page and the project's logs.")}, nil
	default:
		return fine("the API takes it"), nil
	}
}

func unreachable(err error) Finding {
	return broken(fmt.Sprintf("SUPABASE_URL cannot be reached: %v", err), "Check SUPABASE_URL, and that the project is not paused.")
}

func askPublishableKey(ctx context.Context, p *patient) ([]Finding, error) {
	if p.PublishableKey == "" {
		return skipped("SUPABASE_PUBLISHABLE_KEY is not set"), nil
	}
	if keyKind(p.PublishableKey) == "secret" {
		return []Finding{broken("SUPABASE_PUBLISHABLE_KEY is a secret key: whoever opens your page gets the whole database",
			"Take the publishable key (sb_publishable_...), and revoke that secret key if it has ever been in a page.")}, nil
	}
	said, err := p.request(ctx, http.MethodGet, "/auth/v1/settings", p.PublishableKey, "")
	if err != nil {
		return []Finding{unreachable(err)}, nil
	}
	if said.status != http.StatusOK {
		return []Finding{broken(fmt.Sprintf("Auth refuses SUPABASE_PUBLISHABLE_KEY with HTTP %d", said.status),
			"Check that it is a key of this project and has not been revoked.")}, nil
	}
	return fine("Auth takes it"), nil
}

// authSettings is the part of Auth's settings that concerns visitors.
type authSettings struct {
	DisableSignup bool `json:"disable_signup"`
	External      struct {
		AnonymousUsers bool `json:"anonymous_users"`
	} `json:"external"`
}

func askAnonymous(ctx context.Context, p *patient) ([]Finding, error) {
	said, err := p.request(ctx, http.MethodGet, "/auth/v1/settings", p.anyKey(), "")
	if err != nil {
		return []Finding{unreachable(err)}, nil
	}
	var settings authSettings
	if !said.reads(&settings) {
		return skipped(fmt.Sprintf("Auth does not tell its settings (HTTP %d)", said.status)), nil
	}
	const remedy = "Enable it in the dashboard (Authentication, Sign In / Providers), or with enable_anonymous_sign_ins in config.toml."
	switch {
	case !settings.External.AnonymousUsers:
		return []Finding{broken("anonymous sign-ins are disabled: no visitor can begin a conversation", remedy)}, nil
	case settings.DisableSignup:
		return []Finding{broken("new users may not sign up, and every visitor is one", "Allow new users to sign up in the dashboard (Authentication).")}, nil
	default:
		return fine("they are enabled"), nil
	}
}

// anyKey is one of the keys that is there, the lesser one if both are.
func (p *patient) anyKey() string {
	if p.PublishableKey != "" {
		return p.PublishableKey
	}
	return p.SecretKey
}

// askFunctions calls a function of ours over the API. Its refusal is the proof that it is there.
func askFunctions(ctx context.Context, p *patient) ([]Finding, error) {
	said, err := p.request(ctx, http.MethodPost, "/rest/v1/rpc/get_handoff_availability", p.anyKey(), `{"p_project_id":"`+unknownProject+`"}`)
	if err != nil {
		return []Finding{unreachable(err)}, nil
	}
	switch {
	case said.code() == "PGRST202":
		found := broken("the API does not know our functions: its schema cache is old, or public is not among the exposed schemas",
			"Run: notify pgrst, 'reload schema'; then check the exposed schemas in the API settings.")
		return []Finding{found.fixedBy(run(`notify pgrst, 'reload schema'`))}, nil
	case said.status == http.StatusUnauthorized:
		return []Finding{broken("the API refuses the key with HTTP 401", "Check the keys.")}, nil
	case said.status >= http.StatusInternalServerError:
		return []Finding{broken(fmt.Sprintf("the API answers HTTP %d", said.status), "See Supabase's status page and the project's logs.")}, nil
	default:
		return fine("the API knows them"), nil
	}
}
