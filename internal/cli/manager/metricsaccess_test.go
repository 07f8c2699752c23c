package manager

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr/funcr"
	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/client-go/rest"
	clienttesting "k8s.io/client-go/testing"
	"k8s.io/client-go/util/flowcontrol"
)

// reviewed is a metrics endpoint behind an API server that knows the token "prometheus", who may read the metrics, and the token
// "tenant", who may not, and "scoped", which is of the former but for something else; down tells that it answers nothing.
func reviewed(t *testing.T, burst int, down error) (ask func(authorization string) int, log *strings.Builder) {
	t.Helper()
	client := fake.NewClientset()
	client.PrependReactor("create", "tokenreviews", func(action clienttesting.Action) (bool, runtime.Object, error) {
		review := action.(clienttesting.CreateAction).GetObject().(*authenticationv1.TokenReview)
		token := review.Spec.Token
		if review.Status.Authenticated = token == "prometheus" || token == "tenant" || token == "scoped"; review.Status.Authenticated {
			review.Status.User.Username = token
			if token == "scoped" {
				review.Status.User = authenticationv1.UserInfo{Username: "prometheus", Extra: map[string]authenticationv1.ExtraValue{"scopes": {"user:info"}}}
			}
		} else {
			review.Status.Error = "invalid bearer token " + token
		}
		return true, review, down
	})
	client.PrependReactor("create", "subjectaccessreviews", func(action clienttesting.Action) (bool, runtime.Object, error) {
		review := action.(clienttesting.CreateAction).GetObject().(*authorizationv1.SubjectAccessReview)
		to := review.Spec.NonResourceAttributes
		review.Status.Allowed = len(review.Spec.Extra["scopes"]) == 0 && review.Spec.User == "prometheus" && to.Path == "/metrics" && to.Verb == "get"
		return true, review, nil
	})
	log = &strings.Builder{}
	access := &metricsAccess{reviews: apiReviews{client}, limit: flowcontrol.NewTokenBucketPassiveRateLimiter(0.001, burst)}
	handler, err := access.filter(funcr.New(func(_, line string) { log.WriteString(line + "\n") }, funcr.Options{}), http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "metrics")
	}))
	if err != nil {
		t.Fatal(err)
	}
	return func(authorization string) int {
		req := httptest.NewRequest(http.MethodGet, "/metrics", nil)
		if authorization != "" {
			req.Header.Set("Authorization", authorization)
		}
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, req)
		if ok := w.Code == http.StatusOK; ok != strings.Contains(w.Body.String(), "metrics") {
			t.Errorf("status %d with the body %q", w.Code, w.Body)
		}
		return w.Code
	}, log
}

func TestMetrics_AreForWhoMayGetThem(t *testing.T) {
	ask, log := reviewed(t, 100, nil)
	for authorization, want := range map[string]int{
		"Bearer prometheus":  http.StatusOK,
		"bearer prometheus":  http.StatusOK,
		"Bearer  prometheus": http.StatusOK,
		"Bearer tenant":      http.StatusForbidden,
		"Bearer scoped":      http.StatusForbidden,
		"Bearer CANARY":      http.StatusUnauthorized,
		"Bearer ":            http.StatusUnauthorized,
		"Basic prometheus":   http.StatusUnauthorized,
		"prometheus":         http.StatusUnauthorized,
		"":                   http.StatusUnauthorized,
	} {
		if got := ask(authorization); got != want {
			t.Errorf("%q is answered with %d, want %d", authorization, got, want)
		}
	}
	if log.Len() > 0 {
		t.Errorf("anybody who reaches the port can fill the log: %s", log)
	}
}

func TestMetrics_ARefusalIsLoggedForWhoLooksForItAndWithoutTheToken(t *testing.T) {
	var log strings.Builder
	access := &metricsAccess{reviews: refusing{t}, limit: flowcontrol.NewTokenBucketPassiveRateLimiter(1, 1)}
	handler, err := access.filter(funcr.New(func(_, line string) { log.WriteString(line) }, funcr.Options{Verbosity: 4}), nil)
	if err != nil {
		t.Fatal(err)
	}
	req := httptest.NewRequest(http.MethodGet, "/metrics", nil)
	req.Header.Set("Authorization", "Bearer CANARY")
	handler.ServeHTTP(httptest.NewRecorder(), req)
	if !strings.Contains(log.String(), errBadToken.Error()) || strings.Contains(log.String(), "CANARY") {
		t.Errorf("logged: %s", log.String())
	}
}

// refusing refuses each token, and looks at how long it has for that.
type refusing struct{ t *testing.T }

func (r refusing) authenticate(ctx context.Context, _ string) (authenticationv1.UserInfo, error) {
	if end, ok := ctx.Deadline(); !ok || ctx.Err() != nil || time.Until(end) > 10*time.Second {
		r.t.Errorf("a scrape has ten seconds, and its reviews have until %s", end)
	}
	return authenticationv1.UserInfo{}, errBadToken
}

func (r refusing) authorize(context.Context, authenticationv1.UserInfo, string, string) error {
	r.t.Error("nobody was authenticated")
	return nil
}

func TestNewMetricsAccess_NeedsAnAPIServer(t *testing.T) {
	if _, err := newMetricsAccess(&rest.Config{Host: "https://localhost:1"}, http.DefaultClient); err != nil {
		t.Error(err)
	}
	if _, err := newMetricsAccess(&rest.Config{Host: "https://a b"}, http.DefaultClient); err == nil {
		t.Error("a host that is none is taken")
	}
}

func TestMetrics_NonsenseReachesTheAPIServerAFewTimesOnly(t *testing.T) {
	ask, _ := reviewed(t, 3, nil)
	counts := map[int]int{}
	for i := range 50 {
		counts[ask(fmt.Sprintf("Bearer nonsense-%d", i))]++
	}
	if counts[http.StatusUnauthorized] != 3 || counts[http.StatusTooManyRequests] != 47 {
		t.Errorf("fifty tokens are answered with %v, want 401 three times and 429 after that", counts)
	}
}

func TestMetrics_AnAPIServerThatIsAwayIsAnErrorOfOursAndLoggedNowAndThen(t *testing.T) {
	for name, down := range map[string]error{
		"it does not answer":             errors.New("connection refused"),
		"the operator lacks the right":   apierrors.NewForbidden(authenticationv1.Resource("tokenreviews"), "", nil),
		"it does not want to be asked":   apierrors.NewTooManyRequests("later", 1),
		"it does not know the operator ": apierrors.NewUnauthorized("who?"),
	} {
		t.Run(name, func(t *testing.T) {
			ask, log := reviewed(t, 1000, down)
			for range 100 {
				if got := ask("Bearer prometheus"); got != http.StatusInternalServerError {
					t.Fatalf("answered with %d, want 500", got)
				}
			}
			if lines := strings.Count(log.String(), "\n"); lines == 0 || lines > logBurst+1 {
				t.Errorf("%d lines were logged for a hundred requests", lines)
			}
		})
	}
}
