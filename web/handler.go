package web

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"path"
	"strings"
)

// Config is what the pages are told at /config.json. Everything in it is public.
type Config struct {
	// URL is the address of the Supabase project.
	URL string `json:"url"`
	// Key is the publishable key.
	Key string `json:"key"`
	// ProjectID is the project whose chats the pages show.
	ProjectID string `json:"project_id"`
	// SignIns are offered by the dashboard's sign-in page. Only for a project with public passwords.
	SignIns []SignIn `json:"sign_ins,omitempty"`
}

// SignIn is an account of the demo project.
type SignIn struct {
	Email    string `json:"email"`
	Password string `json:"password"`
	Name     string `json:"name"`
	Role     string `json:"role"`
}

// home is where somebody who asks for / is sent.
const home = "/shop/"

// The link in the mail of an invitation, and the dashboard's page that it leads to.
const (
	invitation = "/accept"
	acceptPage = "/dashboard/accept"
)

// apps are the folders that route in the browser: a path below them without a file is answered with their index.
var apps = []string{"dashboard"}

// NewHandler serves the files and the configuration. Files that are missing because nothing was built are answered with how
// to build them.
func NewHandler(files fs.FS, config Config) (http.Handler, error) {
	text, err := json.Marshal(config)
	if err != nil {
		return nil, fmt.Errorf("encode the pages' configuration: %w", err)
	}
	pages := &pages{files: files, config: append(text, '\n'), policy: contentSecurityPolicy(config.URL)}
	return pages, nil
}

type pages struct {
	files  fs.FS
	config []byte
	policy string
}

func (p *pages) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.secure(w.Header())
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "only GET and HEAD", http.StatusMethodNotAllowed)
		return
	}
	switch r.URL.Path {
	case "/":
		http.Redirect(w, r, home, http.StatusFound)
	case invitation:
		w.Header().Set("Cache-Control", "no-store")
		http.Redirect(w, r, (&url.URL{Path: acceptPage, RawQuery: r.URL.RawQuery}).String(), http.StatusFound)
	case "/config.json":
		w.Header().Set("Cache-Control", "no-store")
		serve(w, r, "application/json; charset=utf-8", p.config)
	default:
		p.serveFile(w, r)
	}
}

func (p *pages) serveFile(w http.ResponseWriter, r *http.Request) {
	name, ok := p.find(r.URL.Path)
	if !ok {
		p.missing(w)
		return
	}
	text, err := fs.ReadFile(p.files, name)
	if err != nil {
		http.Error(w, "the page cannot be read", http.StatusInternalServerError)
		return
	}
	cache(w.Header(), name)
	share(w.Header(), name)
	serve(w, r, contentType(name), text)
}

// find says which file answers a path: itself, the index of a folder, or the index of an app that routes in the browser.
func (p *pages) find(urlPath string) (string, bool) {
	name := strings.TrimPrefix(path.Clean(urlPath), "/")
	if p.isFile(name) {
		return name, true
	}
	if index := path.Join(name, "index.html"); strings.HasSuffix(urlPath, "/") && p.isFile(index) {
		return index, true
	}
	app, _, _ := strings.Cut(name, "/")
	index := path.Join(app, "index.html")
	for _, known := range apps {
		if app == known && path.Ext(name) == "" && p.isFile(index) {
			return index, true
		}
	}
	return "", false
}

func (p *pages) isFile(name string) bool {
	found, err := fs.Stat(p.files, name)
	return err == nil && !found.IsDir()
}

// missing tells a page that does not exist from pages that were never built.
func (p *pages) missing(w http.ResponseWriter) {
	w.Header().Set("Cache-Control", "no-store")
	if p.isFile("shop/index.html") {
		http.Error(w, "404: there is no such page", http.StatusNotFound)
		return
	}
	http.Error(w, notBuilt, http.StatusServiceUnavailable)
}

const notBuilt = `The pages are not built into this program.

Run "make build" in a checkout with Node 20 or later and npm, and start the program again. The API works without them.`
