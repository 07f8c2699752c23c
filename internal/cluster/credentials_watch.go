package cluster

import (
	"context"
	"fmt"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"

	"github.com/openshift/credential-rotation-operator/internal/objectwatch"
)

var (
	credentialsRequestsResource = schema.GroupVersionResource{Group: "cloudcredential.openshift.io", Version: "v1", Resource: "credentialsrequests"}
	cloudCredentialsResource    = schema.GroupVersionResource{Group: "operator.openshift.io", Version: "v1", Resource: "cloudcredentials"}
	configMapsResource          = schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}
	cronJobsResource            = schema.GroupVersionResource{Group: "batch", Version: "v1", Resource: "cronjobs"}
	namespacesResource          = schema.GroupVersionResource{Version: "v1", Resource: "namespaces"}
)

// CredentialsWatch knows, without asking, what a set of credentials depends on in the cluster: the CredentialsRequests,
// the cloud-credential-operator's mode, the CronJob that did our work before, and which namespaces exist. A kind that the
// cluster lacks is empty, and is looked for again. It is a manager.Runnable, and keeps the few fields it needs of each object.
type CredentialsWatch struct {
	dynamic  dynamic.Interface
	metadata metadata.Interface
	opts     objectwatch.Options

	requests, modes, legacy, cronJobs, namespaces *objects

	mu       sync.Mutex
	handlers []func(namespace string)
}

// NewCredentialsWatch makes one.
func NewCredentialsWatch(config *rest.Config, opts objectwatch.Options) (*CredentialsWatch, error) {
	own := rest.CopyConfig(config)
	own.QPS, own.Burst, own.RateLimiter = -1, -1, nil // five watches
	dynamicClient, err := dynamic.NewForConfig(own)
	if err != nil {
		return nil, fmt.Errorf("making a client for CredentialsRequests: %w", err)
	}
	metadataClient, err := metadata.NewForConfig(own)
	if err != nil {
		return nil, fmt.Errorf("making a client for namespaces: %w", err)
	}
	opts.SetDefaults()
	w := &CredentialsWatch{dynamic: dynamicClient, metadata: metadataClient, opts: opts}
	w.requests = w.keep(func(o runtime.Object) (any, bool) { return keepUnstructured(o, parseCredentialsRequest) })
	w.cronJobs = w.keep(func(o runtime.Object) (any, bool) { return keepUnstructured(o, parseCronJob) })
	w.modes = w.keep(func(o runtime.Object) (any, bool) {
		return keepUnstructured(o, func(u *unstructured.Unstructured) (string, bool) {
			mode, _, _ := unstructured.NestedString(u.Object, "spec", "credentialsMode")
			return mode, true
		})
	})
	w.legacy = w.keep(func(o runtime.Object) (any, bool) {
		return keepUnstructured(o, func(u *unstructured.Unstructured) (bool, bool) {
			disabled, _, _ := unstructured.NestedString(u.Object, "data", "disabled")
			return disabled == "true", true
		})
	})
	w.namespaces = w.keep(func(o runtime.Object) (any, bool) {
		m, err := meta.Accessor(o)
		// Nothing can be created in a namespace that is going away.
		return true, err == nil && m.GetDeletionTimestamp() == nil
	})
	w.namespaces.changed = w.tell
	return w, nil
}

// Start watches until ctx ends.
func (w *CredentialsWatch) Start(ctx context.Context) error {
	byName := func(name string) string { return fields.OneTermEqualSelector(metav1.ObjectNameField, name).String() }
	var wait sync.WaitGroup
	for _, f := range []struct {
		of        *objects
		resource  schema.GroupVersionResource
		namespace string
		selector  string
	}{
		{w.requests, credentialsRequestsResource, "", ""},
		{w.modes, cloudCredentialsResource, "", byName("cluster")},
		{w.legacy, configMapsResource, legacyModeNamespace, byName(legacyModeName)},
		{w.cronJobs, cronJobsResource, "", byName(legacyCronJobName)},
	} {
		client := w.dynamic.Resource(f.resource).Namespace(f.namespace)
		wait.Go(func() {
			objectwatch.Run(ctx, objectwatch.Source{
				Client: w.dynamic, Name: f.resource.Resource, FieldSelector: f.selector,
				List: func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
					return client.List(ctx, o)
				},
				Watch: func(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
					return client.Watch(ctx, o)
				},
			}, f.of, w.opts)
		})
	}
	namespaces := w.metadata.Resource(namespacesResource)
	wait.Go(func() {
		objectwatch.Run(ctx, objectwatch.Source{
			Client: w.metadata, Name: namespacesResource.Resource,
			List: func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
				return namespaces.List(ctx, o)
			},
			Watch: func(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
				return namespaces.Watch(ctx, o)
			},
		}, w.namespaces, w.opts)
	})
	wait.Wait()
	return nil
}

// NeedLeaderElection is false: a replica that becomes the leader knows the cluster already.
func (w *CredentialsWatch) NeedLeaderElection() bool { return false }

// OnChange calls f, which must not block, whenever one of the answers below may have changed. Where it is only that a namespace has
// come or gone, f gets its name, which is else empty.
func (w *CredentialsWatch) OnChange(f func(namespace string)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.handlers = append(w.handlers, f)
}

// Requests are the AWS CredentialsRequests by namespace and name. known is false until they have been read; err says what
// keeps them from being read, and a cluster without the kind has none.
func (w *CredentialsWatch) Requests() (requests []CredentialsRequest, known bool, err error) {
	kept, known, err := w.requests.all()
	for _, v := range kept {
		requests = append(requests, v.(CredentialsRequest))
	}
	sortRequests(requests)
	return requests, known, err
}

// Mode is what the cloud-credential-operator has been told. err says what keeps it from being read.
func (w *CredentialsWatch) Mode() (CredentialsMode, error) {
	modes, modeKnown, err := w.modes.all()
	if err != nil {
		return CredentialsMode{}, err
	}
	legacy, legacyKnown, err := w.legacy.all()
	if err != nil {
		return CredentialsMode{}, err
	}
	m := CredentialsMode{Known: modeKnown && legacyKnown, Installed: len(modes) > 0}
	for _, v := range modes {
		m.Mode = v.(string)
	}
	for _, v := range legacy {
		m.LegacyDisabled = v.(bool)
	}
	return m, nil
}

// CronJobs are the cap-token-refresh CronJobs that are not suspended. One that cannot be read is not known of: it is only
// a warning to give.
func (w *CredentialsWatch) CronJobs() []CronJob {
	kept, _, _ := w.cronJobs.all()
	var jobs []CronJob
	for _, v := range kept {
		jobs = append(jobs, v.(CronJob))
	}
	return jobs
}

// HasNamespace says whether a namespace exists and is not going away. known is false until the namespaces have been read,
// and when they may not be.
func (w *CredentialsWatch) HasNamespace(name string) (exists, known bool) {
	return w.namespaces.has(name)
}

func (w *CredentialsWatch) keep(parse func(runtime.Object) (any, bool)) *objects {
	return &objects{parse: parse, kept: map[string]any{}, changed: func(string) { w.tell("") }}
}

func (w *CredentialsWatch) tell(namespace string) {
	w.mu.Lock()
	handlers := w.handlers
	w.mu.Unlock()
	for _, f := range handlers {
		f(namespace)
	}
}

func keepUnstructured[T any](o runtime.Object, parse func(*unstructured.Unstructured) (T, bool)) (any, bool) {
	u, ok := o.(*unstructured.Unstructured)
	if !ok {
		return nil, false
	}
	return parse(u)
}

// isAbsent is true when the API server has no such kind.
func isAbsent(err error) bool { return apierrors.IsNotFound(err) || meta.IsNoMatchError(err) }
