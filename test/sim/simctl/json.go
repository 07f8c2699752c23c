package simctl

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

// maxControlBody bounds what the control interface reads: its largest body is a certificate or a page for a fault.
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

// ReadJSON decodes the body of a control request into target, refusing fields it does not know: a fault with a typing
// error would otherwise be no fault, and a test that expects it would pass for the wrong reason. It answers 400 itself
// and returns false when the body is no good. An empty body leaves target as it is.
func ReadJSON(w http.ResponseWriter, r *http.Request, target any) bool {
	decoder := json.NewDecoder(io.LimitReader(r.Body, maxControlBody))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(target); err != nil && !errors.Is(err, io.EOF) {
		WriteJSON(w, http.StatusBadRequest, map[string]string{"error": err.Error()})
		return false
	}
	return true
}

// HandleAdvance adds to a control interface what every simulator has: GET /healthz and POST /advance {"by": "30m"},
// which moves the clock, and {"speed": 60}, which changes its pace.
func HandleAdvance(mux *http.ServeMux, clock *Clock) {
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		WriteJSON(w, http.StatusOK, map[string]string{"status": "ok"})
	})
	mux.HandleFunc("POST /advance", func(w http.ResponseWriter, r *http.Request) {
		var request struct {
			By    Duration `json:"by"`
			Speed float64  `json:"speed"`
		}
		if !ReadJSON(w, r, &request) {
			return
		}
		if request.Speed < 0 {
			WriteJSON(w, http.StatusBadRequest, map[string]string{"error": "speed must not be negative; 0 leaves it as it is"})
			return
		}
		if request.Speed > 0 {
			clock.SetSpeed(request.Speed)
		}
		clock.Advance(time.Duration(request.By))
		WriteJSON(w, http.StatusOK, map[string]time.Time{"now": clock.Now()})
	})
}
