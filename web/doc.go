// Package web serves the built pages of this folder: the demo shop with the widget, and the dashboard.
//
// `make build` writes them to dist, which is embedded; a checkout without npm has the program without pages, and their
// server then says how to get them. The pages talk to Supabase alone: nothing here is an API, config.json tells them where
// the project is.
package web
