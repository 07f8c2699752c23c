package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/util/flowcontrol"

	"github.com/openshift/credential-rotation-operator/internal/objectwatch"
	"github.com/openshift/credential-rotation-operator/internal/proxy"
	"github.com/openshift/credential-rotation-operator/internal/tlsprofile"
)

// apiServerInMemory answers each list with what it has at that path, and each watch with nothing until its request ends. It streams no lists.
type apiServerInMemory struct {
	has map[string]string // the items of a list, by path and field selector

	mu    sync.Mutex
	asked []string
}

func (s *apiServerInMemory) RoundTrip(r *http.Request) (*http.Response, error) {
	query := r.URL.Query()
	answer := func(status int, body io.Reader) (*http.Response, error) {
		return &http.Response{StatusCode: status, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(body), Request: r}, nil
	}
	if query.Get("sendInitialEvents") == "true" {
		return answer(400, strings.NewReader(`{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Invalid","code":422}`))
	}
	if query.Get("watch") == "true" {
		return answer(200, untilDone{r.Context()})
	}
	what := r.URL.Path
	if selector := query.Get("fieldSelector"); selector != "" {
		what += " " + selector
	}
	s.mu.Lock()
	s.asked = append(s.asked, what)
	s.mu.Unlock()
	items, found := s.has[what]
	if !found {
		return answer(404, strings.NewReader(`{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"NotFound","code":404}`))
	}
	return answer(200, strings.NewReader(`{"kind":"List","apiVersion":"v1","metadata":{"resourceVersion":"1"},"items":[`+items+`]}`))
}

type untilDone struct{ ctx context.Context }

func (u untilDone) Read([]byte) (int, error) {
	<-u.ctx.Done()
	return 0, io.EOF
}

// runs starts something in a bubble, checks it once all is still, and fails unless it ends with its context and no sooner.
func runs(t *testing.T, s *apiServerInMemory, start func(*rest.Config) func(context.Context) error, check func()) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		run, ended := start(&rest.Config{Host: "https://api.example.com", Transport: s}), make(chan error, 1)
		go func() { ended <- run(ctx) }()
		synctest.Wait()
		check()
		select {
		case err := <-ended:
			t.Errorf("it ended before its context: %v", err)
		default:
		}
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("it ended with %v", err)
		}
		time.Sleep(time.Minute) // what is left of a request
	})
}

func TestCredentialsWatch_ReadsAllThatCredentialsDependOn(t *testing.T) {
	request, _ := json.Marshal(credentialsRequest("a", nil).Object)
	s := &apiServerInMemory{has: map[string]string{
		"/apis/cloudcredential.openshift.io/v1/credentialsrequests":             string(request),
		"/apis/operator.openshift.io/v1/cloudcredentials metadata.name=cluster": `{"kind":"CloudCredential","metadata":{"name":"cluster"},"spec":{"credentialsMode":"Mint"}}`,
		"/apis/batch/v1/cronjobs metadata.name=cap-token-refresh":               `{"kind":"CronJob","metadata":{"namespace":"n","name":"cap-token-refresh"},"spec":{"schedule":"@hourly"}}`,
		"/api/v1/namespaces": `{"kind":"PartialObjectMetadata","metadata":{"name":"n"}}`,
		"/api/v1/namespaces/openshift-cloud-credential-operator/configmaps metadata.name=cloud-credential-operator-config": `{"kind":"ConfigMap","metadata":{"namespace":"openshift-cloud-credential-operator","name":"c"},"data":{"disabled":"true"}}`,
	}}
	var w *CredentialsWatch
	runs(t, s, func(config *rest.Config) func(context.Context) error {
		var err error
		if w, err = NewCredentialsWatch(config, objectwatch.Options{}); err != nil {
			t.Fatal(err)
		}
		return w.Start
	}, func() {
		requests, known, err := w.Requests()
		if !known || err != nil || len(requests) != 1 || requests[0].Name != "a" {
			t.Errorf("requests %v, known %t, %v", requests, known, err)
		}
		if mode, err := w.Mode(); err != nil || mode != (CredentialsMode{Known: true, Installed: true, Mode: "Mint", LegacyDisabled: true}) {
			t.Errorf("the mode is %+v, %v", mode, err)
		}
		if jobs := w.CronJobs(); !slices.Equal(jobs, []CronJob{{Namespace: "n", Name: "cap-token-refresh", Schedule: "@hourly"}}) {
			t.Errorf("the CronJobs are %v", jobs)
		}
		if exists, known := w.HasNamespace("n"); !exists || !known {
			t.Errorf("the namespace exists %t, known %t", exists, known)
		}
		if len(s.asked) != len(s.has) {
			t.Errorf("it asks for %q", s.asked)
		}
	})
	if w.NeedLeaderElection() || (*OneWatch[int])(nil).NeedLeaderElection() {
		t.Error("a replica that waits to lead would know nothing when it does")
	}
}

// The watches must not wait for a share of the operator's own requests, nor take one.
func TestCredentialsWatch_TakesNoShareOfTheOperatorsRequests(t *testing.T) {
	given := &rest.Config{QPS: 5, Burst: 10, RateLimiter: flowcontrol.NewFakeNeverRateLimiter()}
	if own := unlimited(given); own.QPS != -1 || own.Burst != -1 || own.RateLimiter != nil {
		t.Errorf("its own requests are limited: %+v", own)
	}
	if given.QPS != 5 || given.RateLimiter == nil {
		t.Errorf("the operator's requests are no longer limited: %+v", given)
	}
}

func TestNewWatches_SayWhatTheyCannotBeMadeFor(t *testing.T) {
	bad := &rest.Config{Host: "https://a b"}
	_, credentials := NewCredentialsWatch(bad, objectwatch.Options{})
	_, proxies := NewProxyWatch(bad, objectwatch.Options{}, nil)
	_, profiles := NewTLSProfileWatch(bad, objectwatch.Options{}, nil)
	for says, err := range map[string]error{"CredentialsRequests": credentials, "proxies": proxies, "apiservers": profiles} {
		if err == nil || !strings.HasPrefix(err.Error(), "making a client for "+says+": ") {
			t.Errorf("got %v, want %s", err, says)
		}
	}
}

func TestOneWatch_ReadsTheObjectThatIsCalledCluster(t *testing.T) {
	var told []string
	for _, row := range []struct {
		path, item string
		start      func(*rest.Config) func(context.Context) error
		want       string
	}{
		{"proxies", `{"kind":"Proxy","metadata":{"name":"cluster"},"status":{"httpsProxy":"http://p:1"}}`, func(config *rest.Config) func(context.Context) error {
			w, err := NewProxyWatch(config, objectwatch.Options{}, func(s proxy.Settings) { told = append(told, s.HTTPSProxy) })
			if err != nil {
				t.Fatal(err)
			}
			return w.Start
		}, "http://p:1"},
		{"apiservers", `{"kind":"APIServer","metadata":{"name":"cluster"},"spec":{"tlsSecurityProfile":{"type":"Old"}}}`, func(config *rest.Config) func(context.Context) error {
			w, err := NewTLSProfileWatch(config, objectwatch.Options{}, func(s tlsprofile.Settings) { told = append(told, string(s.Profile)) })
			if err != nil {
				t.Fatal(err)
			}
			return w.Start
		}, "Old"},
	} {
		told = nil
		s := &apiServerInMemory{has: map[string]string{"/apis/config.openshift.io/v1/" + row.path + " metadata.name=cluster": row.item}}
		runs(t, s, row.start, func() {
			if !slices.Equal(told, []string{row.want}) {
				t.Errorf("%s: told %q, asked for %q", row.path, told, s.asked)
			}
		})
	}
}

func TestOneWatch_KeepsWhatItKnowsWhenAnObjectMakesNoSense(t *testing.T) {
	var told []string
	w := proxyWatch(func(s proxy.Settings) { told = append(told, s.HTTPSProxy) })
	w.Put(&metav1.Status{})
	w.Put(&unstructured.Unstructured{Object: map[string]any{"status": "nonsense"}})
	w.Put(&unstructured.Unstructured{Object: map[string]any{"status": map[string]any{"httpsProxy": "http://p:1"}}})
	w.Replace([]runtime.Object{&unstructured.Unstructured{Object: map[string]any{"status": map[string]any{"httpsProxy": "http://p:2"}}}})
	if !slices.Equal(told, []string{"http://p:1", "http://p:2"}) {
		t.Errorf("told %q", told)
	}
}

func TestObjects_TellOfEachChangeOnce(t *testing.T) {
	w, changes := newWatch(t)
	told := func(what string, want int, do func()) {
		t.Helper()
		before := *changes
		if do(); *changes-before != want {
			t.Errorf("%s: told %d times, want %d", what, *changes-before, want)
		}
	}
	a, other := credentialsRequest("a", nil), credentialsRequest("a", func(o map[string]any) { o["metadata"].(map[string]any)["labels"] = map[string]any{"l": "w"} })
	list := func(o ...runtime.Object) func() { return func() { w.requests.Replace(o) } }
	fail := func(text string) func() {
		return func() { w.requests.Failed(fmt.Errorf("%s: %w", text, forbidden)) }
	}
	told("the first list, of none", 1, list())
	told("the same list", 0, list())
	told("an object", 1, func() { w.requests.Put(a) })
	told("the same object", 0, func() { w.requests.Put(a) })
	told("an object that has changed", 1, func() { w.requests.Put(other) })
	told("a list of it", 0, list(other))
	told("a list of what it was", 1, list(a))
	told("an object of another kind", 0, func() { w.requests.Put(&metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Name: "x"}}) })
	told("a missing right", 1, fail("x"))
	told("the same right", 0, fail("x"))
	told("another right", 1, fail("y"))
	told("trouble that passes", 0, func() { w.requests.Failed(errors.New("away")) })
	told("the list again", 1, list(a))
	told("an object that was never there", 0, func() { w.requests.Delete(credentialsRequest("b", nil)) })
	told("an object that goes", 1, func() { w.requests.Delete(a) })
	if got := key(&metav1.Status{}); got != "" {
		t.Errorf("an object without a name is called %q", got)
	}
}

func TestRequests_HaveAnOrder(t *testing.T) {
	w, _ := newWatch(t)
	var all []runtime.Object
	for _, name := range []string{"f", "b", "h", "d", "a", "g", "c", "e"} {
		all = append(all, credentialsRequest(name, nil))
	}
	w.requests.Replace(all)
	requests, _, _ := w.Requests()
	var got string
	for _, r := range requests {
		got += r.Name
	}
	if got != "abcdefgh" {
		t.Errorf("got %s", got)
	}
}
