package manager

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-logr/logr"
	"github.com/go-logr/logr/funcr"
	configv1 "github.com/openshift/api/config/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	"github.com/openshift/credential-rotation-operator/internal/proxy"
)

// clusterConfig is one object of the cluster's configuration that the process follows.
type clusterConfig struct {
	setup func(context.Context, ctrl.Manager, logr.Logger) error
	// first is the object at the start, later is the list of a watch after a change.
	first client.Object
	later string
	// inUse says what the process does because of the object: nothing known, first and later.
	inUse func() string
	want  [3]string
	// said are in the log after the change.
	said []string
}

func clusterConfigs(t *testing.T) map[string]clusterConfig {
	t.Helper()
	for _, name := range []string{"HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"} {
		t.Setenv(name, "")
	}
	proxy.SetCluster(proxy.Settings{})
	t.Cleanup(func() { proxy.SetCluster(proxy.Settings{}) })
	request, err := http.NewRequest(http.MethodGet, "https://api.openshift.com", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	follower := newTLSFollower()
	return map[string]clusterConfig{
		"the proxy": {
			setup: setupProxy,
			first: &configv1.Proxy{ObjectMeta: metav1.ObjectMeta{Name: "cluster"}, Status: configv1.ProxyStatus{HTTPSProxy: "http://first.example"}},
			later: `{"metadata":{"name":"cluster"},"status":{"httpsProxy":"http://later.example"}}`,
			inUse: func() string {
				u, err := proxy.For(request)
				if err != nil {
					t.Fatal(err)
				}
				if u == nil {
					return "none"
				}
				return u.Host
			},
			want: [3]string{"none", "first.example", "later.example"},
			said: []string{`"environmentComesFirst"=false`},
		},
		"the TLS profile": {
			setup: func(ctx context.Context, mgr ctrl.Manager, log logr.Logger) error {
				return setupTLSProfile(ctx, mgr, follower, log)
			},
			first: &configv1.APIServer{ObjectMeta: metav1.ObjectMeta{Name: "cluster"},
				Spec: configv1.APIServerSpec{TLSSecurityProfile: &configv1.TLSSecurityProfile{Type: configv1.TLSProfileOldType}}},
			later: `{"metadata":{"name":"cluster"},"spec":{"tlsSecurityProfile":{"type":"Modern"}}}`,
			inUse: func() string { return string(follower.settings.Load().Profile) },
			want:  [3]string{"Intermediate", "Old", "Modern"},
			said:  []string{`"profile"="Modern"`, `"minVersion"="TLS 1.3"`},
		},
	}
}

// starting is a manager that is being set up.
type starting struct {
	ctrl.Manager
	config *rest.Config
	reader client.Reader
	// full is its answer to what is added, if it is not nil.
	full  error
	added []manager.Runnable
}

func (s *starting) GetConfig() *rest.Config     { return s.config }
func (s *starting) GetAPIReader() client.Reader { return s.reader }

func (s *starting) Add(r manager.Runnable) error {
	s.added = append(s.added, r)
	return s.full
}

// listed answers each list with these items and each watch with nothing.
type listed string

func (l listed) RoundTrip(r *http.Request) (*http.Response, error) {
	status, body := http.StatusOK, io.Reader(strings.NewReader(`{"kind":"List","apiVersion":"v1","metadata":{"resourceVersion":"1"},"items":[`+string(l)+`]}`))
	switch query := r.URL.Query(); {
	case query.Get("sendInitialEvents") == "true":
		status, body = http.StatusBadRequest, strings.NewReader(`{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Invalid","code":422}`)
	case query.Get("watch") == "true":
		silent, end := io.Pipe()
		context.AfterFunc(r.Context(), func() { _ = end.Close() })
		body = silent
	}
	return &http.Response{StatusCode: status, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(body), Request: r}, nil
}

func logTo(out *strings.Builder) logr.Logger {
	return funcr.New(func(_, line string) { out.WriteString(line + "\n") }, funcr.Options{})
}

func TestClusterConfig_IsInUseFromTheStartAndAfterEachChange(t *testing.T) {
	for name, c := range clusterConfigs(t) {
		t.Run(name, func(t *testing.T) {
			scheme, err := NewScheme()
			if err != nil {
				t.Fatal(err)
			}
			synctest.Test(t, func(t *testing.T) {
				var log strings.Builder
				m := &starting{config: &rest.Config{Host: "https://api.example.com", Transport: listed(c.later)},
					reader: fake.NewClientBuilder().WithScheme(scheme).WithObjects(c.first).Build()}
				if got := c.inUse(); got != c.want[0] {
					t.Errorf("before the start %s is in use, want %s", got, c.want[0])
				}
				if err := c.setup(t.Context(), m, logTo(&log)); err != nil {
					t.Fatal(err)
				}
				if got := c.inUse(); got != c.want[1] || log.Len() > 0 {
					t.Errorf("after the start %s is in use, want %s; the log has %q", got, c.want[1], log.String())
				}
				ctx, cancel := context.WithCancel(t.Context())
				ended := make(chan error, 1)
				go func() { ended <- m.added[0].Start(ctx) }()
				synctest.Wait()
				if got := c.inUse(); got != c.want[2] {
					t.Errorf("after the change %s is in use, want %s", got, c.want[2])
				}
				for _, said := range c.said {
					if !strings.Contains(log.String(), said) {
						t.Errorf("the log does not say %s: %s", said, log.String())
					}
				}
				cancel()
				if err := <-ended; err != nil {
					t.Errorf("the watch ended with %v", err)
				}
				time.Sleep(time.Minute) // what is left of a request
			})
		})
	}
}

func TestClusterConfig_DoesNotDelayTheStartUntilItCanBeRead(t *testing.T) {
	for name, c := range clusterConfigs(t) {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				hangs := interceptor.Funcs{Get: func(ctx context.Context, _ client.WithWatch, _ client.ObjectKey, _ client.Object, _ ...client.GetOption) error {
					<-ctx.Done()
					return ctx.Err()
				}}
				var log strings.Builder
				m := &starting{config: &rest.Config{Host: "https://api.example.com"}, reader: interceptor.NewClient(fake.NewClientBuilder().Build(), hangs)}
				start := time.Now()
				if err := c.setup(t.Context(), m, logTo(&log)); err != nil {
					t.Errorf("an API server that does not answer ends the process: %v", err)
				}
				if took := time.Since(start); took == 0 || took > time.Minute {
					t.Errorf("the API server had %s to answer", took)
				}
				if !strings.Contains(log.String(), "could not be read") {
					t.Errorf("the log does not say why the default is in use: %s", log.String())
				}
				if got := c.inUse(); got != c.want[0] {
					t.Errorf("%s is in use, want %s", got, c.want[0])
				}
			})
		})
	}
}

func TestClusterConfig_IsNotLeftUnwatched(t *testing.T) {
	for name, c := range clusterConfigs(t) {
		t.Run(name, func(t *testing.T) {
			if err := c.setup(t.Context(), &starting{config: &rest.Config{Host: "https://api.example.com"}, full: errFull}, logr.Discard()); !errors.Is(err, errFull) {
				t.Errorf("a manager that does not take the watch is answered with %v", err)
			}
			if err := c.setup(t.Context(), &starting{config: &rest.Config{Host: "://"}}, logr.Discard()); err == nil {
				t.Error("a watch that cannot be made is not an error")
			}
		})
	}
}
