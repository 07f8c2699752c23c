package contract

import (
	"bytes"
	"context"
	"net/http"
	"strings"
	"sync/atomic"
)

// Middleware passes requests on to next and reports every violation of the document, by the request or by the answer, one
// sentence each. A violation does not change what is answered. Requests outside of Prefix are passed on unjudged.
//
// The answer is held back until it is complete. A handler that gives a wrong answer on purpose says so with Excuse; one
// that panics with http.ErrAbortHandler (an answer that is lost on its way) is not judged.
func Middleware(next http.Handler, report func(violation string)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.URL.Path, Prefix) {
			next.ServeHTTP(w, r)
			return
		}
		excused := new(atomic.Bool)
		r = r.WithContext(context.WithValue(r.Context(), excuseKey{}, excused))
		ex := judgeRequest(r, report)

		rec := &recorder{header: make(http.Header), status: http.StatusOK}
		next.ServeHTTP(rec, r)
		if ex != nil && !excused.Load() {
			ex.judgeResponse(r.Context(), rec.status, rec.header, rec.body.Bytes(), report)
		}
		for key, values := range rec.header {
			w.Header()[key] = values
		}
		w.WriteHeader(rec.status)
		_, _ = w.Write(rec.body.Bytes()) // the client has gone away: nobody is left to be told
	})
}

type excuseKey struct{}

// Excuse keeps the answer to r from being judged: it is one of the service's bad days, wrong on purpose.
func Excuse(r *http.Request) {
	if excused, ok := r.Context().Value(excuseKey{}).(*atomic.Bool); ok {
		excused.Store(true)
	}
}

// recorder holds an answer until it has been judged.
type recorder struct {
	header  http.Header
	status  int
	written bool
	body    bytes.Buffer
}

func (r *recorder) Header() http.Header { return r.header }

func (r *recorder) WriteHeader(status int) {
	if !r.written {
		r.status, r.written = status, true
	}
}

func (r *recorder) Write(p []byte) (int, error) {
	r.written = true
	return r.body.Write(p)
}
