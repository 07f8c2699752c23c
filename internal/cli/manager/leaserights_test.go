package manager

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/go-logr/logr/funcr"
	"k8s.io/client-go/rest"
)

func TestLeaseRights_FailOnlyForWantOfARight(t *testing.T) {
	for _, tc := range []struct {
		name string
		// answers are of the API server, in turn: method and status; 0 is no answer at all.
		answers []answer
		// ready is what the check says after them.
		ready bool
	}{
		{"nothing has been asked yet", nil, true},
		{"the Lease may not be read", []answer{{"GET", 403}}, false},
		{"it may be read and not be made", []answer{{"GET", 404}, {"POST", 403}}, false},
		{"it may be read and not be taken", []answer{{"GET", 200}, {"PUT", 403}, {"GET", 200}}, false},
		{"the API server is overloaded, ill, or away", []answer{{"GET", 429}, {"GET", 500}, {"GET", 503}, {"GET", 0}}, true},
		{"another replica was quicker", []answer{{"GET", 200}, {"PUT", 409}}, true},
		{"another replica leads", []answer{{"GET", 200}}, true},
		{"the right to read is granted, and another replica leads", []answer{{"GET", 403}, {"GET", 200}}, true},
		{"all rights are granted", []answer{{"GET", 403}, {"GET", 404}, {"POST", 403}, {"GET", 404}, {"POST", 201}}, true},
		{"the right to make it is missing, and another replica has made it", []answer{{"POST", 403}, {"GET", 200}, {"PUT", 200}}, true},
		{"a right is taken away later", []answer{{"GET", 200}, {"PUT", 200}, {"PUT", 403}}, false},
		{"a right is missing again and again", []answer{{"GET", 403}, {"GET", 403}, {"GET", 403}}, false},
		{"a right is missing, and then the API server is away", []answer{{"GET", 403}, {"GET", 0}, {"GET", 503}}, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var lines []string
			rights := newLeaseRights("other-ns", funcr.New(func(_, line string) { lines = append(lines, line) }, funcr.Options{}))
			ask := election(t, rights)
			for _, a := range tc.answers {
				ask(a)
			}
			err := rights.check(nil)
			if (err == nil) != tc.ready {
				t.Errorf("the check says %v, want ready %t", err, tc.ready)
			}
			if err != nil && (!strings.Contains(err.Error(), "other-ns/credential-rotation-operator") || !strings.Contains(strings.Join(lines, ""), err.Error())) {
				t.Errorf("the check says %q, which does not name the Lease or is not in the log %q", err, lines)
			}
			for i := range lines {
				if i > 0 && lines[i] == lines[i-1] {
					t.Errorf("the same is logged again: %q", lines[i])
				}
			}
		})
	}
}

func TestTheLock_TellsOfTheRightsThatItLacks(t *testing.T) {
	for status, ready := range map[int]bool{http.StatusForbidden: false, http.StatusServiceUnavailable: true} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
		t.Cleanup(server.Close)
		rights := newLeaseRights("own", logr.Discard())
		lock, err := newLock(&rest.Config{Host: server.URL}, rights, "own", options{leaseDuration: 3 * time.Second, renewDeadline: 2 * time.Second, retryPeriod: time.Second})
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err = lock.Get(t.Context()); err == nil {
			t.Fatalf("a Lease was read from an API server that answers %d", status)
		}
		if err := rights.check(nil); (err == nil) != ready {
			t.Errorf("after the answer %d the check says %v, want ready %t", status, err, ready)
		}
	}
}

type answer struct {
	method string
	status int
}

// election is a client as that of the leader election, with an API server that gives the answer which it is told to.
func election(t *testing.T, rights *leaseRights) func(answer) {
	t.Helper()
	var status atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if status.Load() == 0 {
			panic(http.ErrAbortHandler)
		}
		w.WriteHeader(int(status.Load()))
	}))
	t.Cleanup(server.Close)
	client, err := rest.HTTPClientFor(rights.watch(&rest.Config{Host: server.URL}))
	if err != nil {
		t.Fatal(err)
	}
	return func(a answer) {
		status.Store(int32(a.status))
		req, err := http.NewRequestWithContext(t.Context(), a.method, server.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := client.Do(req)
		if err == nil {
			_ = resp.Body.Close()
		}
		if (err == nil) != (a.status != 0) {
			t.Fatalf("%s: %v", a.method, err)
		}
	}
}
