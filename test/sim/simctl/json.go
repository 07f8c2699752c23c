package simctl

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

// maxControlBody limits request bodies of the control interface; the largest is a certificate or a page for a fault.
const maxControlBody = 1 << 20

// Duration is a time.Duration that JSON writes as "90s".
type Duration time.Duration

// MarshalJSON writes the duration as time.Duration prints it.
func (d Duration) MarshalJSON() ([]byte, error) {
	return json.Marshal(time.Duration(d).String())
}

// UnmarshalJSON reads what time.ParseDuration understands.
func (d *Duration) UnmarshalJSON(raw []byte) error {
	var text string
	if err := json.Unmarshal(raw, &text); err != nil {
		return fmt.Errorf(`a duration is a string such as "90s": %w`, err)
	}
	parsed, err := time.ParseDuration(text)
	if err != nil {
		return err
	}
	*d = Duration(parsed)
	return nil
}

// WriteJSON answers with a JSON body.
func WriteJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	// Nobody is left to be told when the caller has gone.
	_ = encoder.Encode(body)
}

// ReadJSON decodes the body of a control request into target and refuses unknown fields: a misspelt fault would do nothing, and a test that
// expects it would pass for the wrong reason. It answers 400 itself and returns false if the body is invalid. An empty
// body leaves target as it is.
func ReadJSON(w http.ResponseWriter, r *http.Request, target any) bool {
	decoder := json.NewDecoder(io.LimitReader(r.Body, maxControlBody))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(target); err != nil && !errors.Is(err, io.EOF) {
		WriteJSON(w, http.StatusBadRequest, map[string]string{"error": err.Error()})
		return false
	}
	return true
}

// HandleControl adds an operation that reads one JSON object and answers with another: with {} if there is nothing to return, with 400 and the
// reason for an invalid request, and with 404 for an Unknown.
func HandleControl[T any](mux *http.ServeMux, pattern string, do func(T) (any, error)) {
	mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		var in T
		if !ReadJSON(w, r, &in) {
			return
		}
		out, err := do(in)
		var unknown Unknown
		switch {
		case errors.As(err, &unknown):
			WriteJSON(w, http.StatusNotFound, map[string]string{"error": err.Error()})
		case err != nil:
			WriteJSON(w, http.StatusBadRequest, map[string]string{"error": err.Error()})
		case out == nil:
			WriteJSON(w, http.StatusOK, struct{}{})
		default:
			WriteJSON(w, http.StatusOK, out)
		}
	})
}

// Unknown is the error for an object that a simulator does not have, such as "account".
type Unknown string

// Error names the kind of the object.
func (u Unknown) Error() string { return "no such " + string(u) }

// HandleCommon adds to a control interface what every simulator has: GET /healthz, GET /state and GET /ca.pem.
func HandleCommon(mux *http.ServeMux, state func() any, ca []byte) {
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		WriteJSON(w, http.StatusOK, map[string]string{"status": "ok"})
	})
	mux.HandleFunc("GET /state", func(w http.ResponseWriter, _ *http.Request) { WriteJSON(w, http.StatusOK, state()) })
	mux.HandleFunc("GET /ca.pem", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/x-pem-file")
		_, _ = w.Write(ca) // the caller has gone away
	})
}

// HandleService adds POST /service {"running": false}, after which connections are refused, and {"running": true}.
func HandleService(mux *http.ServeMux, server *Server) {
	HandleControl(mux, "POST /service", func(in struct {
		Running *bool `json:"running"`
	}) (any, error) {
		if in.Running != nil && !*in.Running {
			server.Stop()
			return nil, nil
		}
		return nil, server.Start()
	})
}

// HandleAdvance adds POST /advance {"by": "30m"}, which moves the clock.
func HandleAdvance(mux *http.ServeMux, clock *Clock) {
	HandleControl(mux, "POST /advance", func(in struct {
		By Duration `json:"by"`
	}) (any, error) {
		clock.Advance(time.Duration(in.By))
		return map[string]time.Time{"now": clock.Now()}, nil
	})
}
