package simctl_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/openshift/credential-rotation-operator/test/sim/simctl"
)

// fault is one of a simulator with two kinds of them.
type fault struct {
	Kind  string `json:"kind"`
	Skip  int    `json:"skip"`
	Every int    `json:"every"`
	Times int    `json:"times"`
}

func (f fault) Check() error {
	return simctl.CheckKind("kind of fault", f.Kind, []string{"slow", "lost"})
}

func (f fault) Limits() simctl.Limits {
	return simctl.Limits{Skip: f.Skip, Every: f.Every, Times: f.Times}
}

func TestFaults_HitTheRequestsThatTheirLimitsSelect(t *testing.T) {
	for _, tc := range []struct {
		// name is the sentence that the case proves.
		name   string
		faults []fault
		// want are the kinds that hit ten requests in order; a dot is none.
		want string
	}{
		{"without limits all", []fault{{Kind: "slow"}}, "slow slow slow slow slow slow slow slow slow slow"},
		{"some", []fault{{Kind: "slow", Times: 3}}, "slow slow slow . . . . . . ."},
		{"some later", []fault{{Kind: "slow", Skip: 4, Times: 3}}, ". . . . slow slow slow . . ."},
		{"each third", []fault{{Kind: "slow", Every: 3}}, ". . slow . . slow . . slow ."},
		{"each second, later, twice", []fault{{Kind: "slow", Skip: 1, Every: 2, Times: 2}}, ". . slow . slow . . . . ."},
		{"the first that hits comes first", []fault{{Kind: "slow", Every: 2}, {Kind: "lost", Times: 3}}, "lost slow lost slow lost slow . slow . slow"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var f simctl.Faults[fault]
			if err := f.Add(tc.faults...); err != nil {
				t.Fatal(err)
			}
			var got []string
			for range 10 {
				kind := "."
				if hit, ok := f.Take(func(fault) bool { return true }); ok {
					kind = hit.Kind
				}
				got = append(got, kind)
			}
			if strings.Join(got, " ") != tc.want {
				t.Errorf("hit %v, want %s", got, tc.want)
			}
		})
	}
}

func TestFaults_AreAddedAllOrNone(t *testing.T) {
	var f simctl.Faults[fault]
	for _, bad := range []fault{{Kind: "solw"}, {Kind: "slow", Times: -1}, {Kind: "slow", Skip: -1}, {Kind: "slow", Every: -1}} {
		if err := f.Add(fault{Kind: "lost"}, bad); err == nil || len(f.Active()) != 0 {
			t.Errorf("%+v: %v, active %v", bad, err, f.Active())
		}
	}
	if err := f.Add(fault{Kind: "solw"}); err == nil || !strings.Contains(err.Error(), `"slow" "lost"`) {
		t.Errorf("%v does not list what is known", err)
	}
}

func TestControl_ReturnsErrors(t *testing.T) {
	mux := http.NewServeMux()
	simctl.HandleControl(mux, "POST /do", func(in struct {
		What string `json:"what"`
	}) (any, error) {
		switch in.What {
		case "missing":
			return nil, fmt.Errorf("look: %w", simctl.Unknown("thing"))
		case "wrong":
			return nil, errors.New("that makes no sense")
		}
		return nil, nil
	})
	for body, want := range map[string]int{`{"what":"missing"}`: 404, `{"what":"wrong"}`: 400, `{"wht":"x"}`: 400, ``: 200, `{"what":"x"}`: 200} {
		recorder := httptest.NewRecorder()
		mux.ServeHTTP(recorder, httptest.NewRequest(http.MethodPost, "/do", strings.NewReader(body)))
		if recorder.Code != want {
			t.Errorf("%s: %d %s, want %d", body, recorder.Code, recorder.Body, want)
		}
	}
}
