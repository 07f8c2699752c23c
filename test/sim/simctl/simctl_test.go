package simctl_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"time"

	clocktesting "k8s.io/utils/clock/testing"

	"github.com/openshift/credential-rotation-operator/test/sim/simctl"
)

func TestClock_FollowsTheClockBelowAndIsMovedByAdvance(t *testing.T) {
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	below := clocktesting.NewFakePassiveClock(start)
	c := simctl.NewClock(below)
	step := func(what string, want time.Time) {
		t.Helper()
		if got := c.Now(); !got.Equal(want) {
			t.Errorf("%s: %s, want %s", what, got, want)
		}
	}
	step("at first", start)
	c.Advance(time.Hour)
	step("advanced", start.Add(time.Hour))
	below.SetTime(start.Add(time.Minute))
	step("a minute later", start.Add(time.Hour+time.Minute))
	c.Advance(-3 * time.Hour)
	step("moved back", start.Add(-2*time.Hour+time.Minute))
	if simctl.NewClock(c) != c {
		t.Error("a simulator that is given a Clock does not share it")
	}
}

func TestServer_RefusesWhileStoppedAndComesBackAtTheSameAddress(t *testing.T) {
	hangs := make(chan struct{})
	server := simctl.NewServer("127.0.0.1:0", nil, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/hang" {
			close(hangs)
			<-r.Context().Done()
		}
	}))
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	url := server.URL()
	hung := make(chan error)
	go func() {
		answer, err := http.Get(url + "/hang")
		if err == nil {
			_ = answer.Body.Close()
		}
		hung <- err
	}()
	<-hangs
	server.Stop()
	if err := <-hung; err == nil {
		t.Error("a request that hung was answered when the server stopped")
	}
	if _, err := http.Get(url); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("while stopped: %v, want connection refused", err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	defer server.Stop()
	if server.URL() != url {
		t.Errorf("started again at %s, was at %s", server.URL(), url)
	}
	answer, err := http.Get(url)
	if err != nil {
		t.Fatalf("after the second start: %v", err)
	}
	_ = answer.Body.Close()
}

func TestAdvance_RefusesAFieldItDoesNotKnow(t *testing.T) {
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	c := simctl.NewClock(clocktesting.NewFakePassiveClock(start))
	mux := http.NewServeMux()
	simctl.HandleAdvance(mux, c)
	post := func(body string) int {
		recorder := httptest.NewRecorder()
		mux.ServeHTTP(recorder, httptest.NewRequest(http.MethodPost, "/advance", strings.NewReader(body)))
		return recorder.Code
	}
	for _, bad := range []string{`{"bye": "1h"}`, `{"by": 3600}`, `{"by": "soon"}`, `{"speed": 60}`} {
		if status := post(bad); status != http.StatusBadRequest {
			t.Errorf("%s: status %d, want 400", bad, status)
		}
	}
	if !c.Now().Equal(start) {
		t.Errorf("a refused request moved the clock to %s", c.Now())
	}
	if status := post(`{"by": "90m"}`); status != http.StatusOK {
		t.Errorf("status %d", status)
	}
	if want := start.Add(90 * time.Minute); !c.Now().Equal(want) {
		t.Errorf("clock at %s, want %s", c.Now(), want)
	}
}
