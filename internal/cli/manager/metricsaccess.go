package manager

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/go-logr/logr"
	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/util/flowcontrol"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
)

const (
	// reviewTimeout limits both reviews of one scrape; a scrape itself has ten seconds.
	reviewTimeout = 8 * time.Second
	// Rate and burst of reviews. Two Prometheus scrape each minute, so this is plenty; it limits the requests to the API server that others can
	// cause.
	reviewRate, reviewBurst = 5, 20
)

// The reasons why a request for the metrics is refused.
var (
	errNoToken   = errors.New("no bearer token")
	errBadToken  = errors.New("the API server does not accept the bearer token")
	errForbidden = errors.New("the user may not get the URL /metrics")
	errTooMany   = errors.New("too many requests")
)

// metricsAccess serves the metrics only to users who may get the URL /metrics, which it checks with the API server. controller-runtime's own
// filter answers a wrong token with an internal error, logs a stack trace for each, and links in the API server's libraries.
type metricsAccess struct {
	reviews interface {
		authenticate(ctx context.Context, token string) (authenticationv1.UserInfo, error)
		authorize(ctx context.Context, user authenticationv1.UserInfo, verb, path string) error
	}
	limit flowcontrol.PassiveRateLimiter
}

// newMetricsAccess is a FilterProvider for the metrics server.
func newMetricsAccess(config *rest.Config, httpClient *http.Client) (metricsserver.Filter, error) {
	client, err := kubernetes.NewForConfigAndClient(config, httpClient)
	if err != nil {
		return nil, fmt.Errorf("making a client for the reviews: %w", err)
	}
	a := &metricsAccess{reviews: apiReviews{client}, limit: flowcontrol.NewTokenBucketPassiveRateLimiter(reviewRate, reviewBurst)}
	return a.filter, nil
}

func (a *metricsAccess) filter(log logr.Logger, next http.Handler) (http.Handler, error) {
	limited := newBoundedLog(log)
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		err := a.check(req)
		if err == nil {
			next.ServeHTTP(w, req)
			return
		}
		status := statusOf(err)
		if status == http.StatusInternalServerError {
			limited.Info("A request for the metrics was refused because its review by the API server failed", "because", err.Error())
		} else {
			log.V(4).Info("A request for the metrics was refused", "status", status, "because", err.Error())
		}
		http.Error(w, http.StatusText(status), status)
	}), nil
}

func statusOf(err error) int {
	switch {
	case errors.Is(err, errNoToken), errors.Is(err, errBadToken):
		return http.StatusUnauthorized
	case errors.Is(err, errForbidden):
		return http.StatusForbidden
	case errors.Is(err, errTooMany):
		return http.StatusTooManyRequests
	}
	return http.StatusInternalServerError
}

func (a *metricsAccess) check(req *http.Request) error {
	scheme, token, _ := strings.Cut(req.Header.Get("Authorization"), " ")
	if token = strings.TrimSpace(token); !strings.EqualFold(scheme, "Bearer") || token == "" {
		return errNoToken
	}
	if !a.limit.TryAccept() {
		return errTooMany
	}
	ctx, cancel := context.WithTimeout(req.Context(), reviewTimeout)
	defer cancel()
	user, err := a.reviews.authenticate(ctx, token)
	if err != nil {
		return err
	}
	return a.reviews.authorize(ctx, user, strings.ToLower(req.Method), req.URL.Path)
}

// apiReviews sends the reviews to the API server.
type apiReviews struct{ client kubernetes.Interface }

func (r apiReviews) authenticate(ctx context.Context, token string) (authenticationv1.UserInfo, error) {
	review, err := r.client.AuthenticationV1().TokenReviews().Create(ctx,
		&authenticationv1.TokenReview{Spec: authenticationv1.TokenReviewSpec{Token: token}}, metav1.CreateOptions{})
	switch {
	case err != nil:
		return authenticationv1.UserInfo{}, fmt.Errorf("reviewing the token: %w", err)
	case !review.Status.Authenticated:
		return authenticationv1.UserInfo{}, errBadToken // The API server's error may repeat parts of the token.
	}
	return review.Status.User, nil
}

func (r apiReviews) authorize(ctx context.Context, user authenticationv1.UserInfo, verb, path string) error {
	spec := authorizationv1.SubjectAccessReviewSpec{
		User: user.Username, UID: user.UID, Groups: user.Groups,
		NonResourceAttributes: &authorizationv1.NonResourceAttributes{Verb: verb, Path: path},
	}
	if len(user.Extra) > 0 {
		spec.Extra = map[string]authorizationv1.ExtraValue{}
		for key, values := range user.Extra {
			spec.Extra[key] = authorizationv1.ExtraValue(values)
		}
	}
	review, err := r.client.AuthorizationV1().SubjectAccessReviews().Create(ctx, &authorizationv1.SubjectAccessReview{Spec: spec}, metav1.CreateOptions{})
	switch {
	case err != nil:
		return fmt.Errorf("reviewing the access: %w", err)
	case !review.Status.Allowed:
		return errForbidden
	}
	return nil
}
