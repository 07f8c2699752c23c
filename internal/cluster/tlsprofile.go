package cluster

import (
	"context"

	configv1 "github.com/openshift/api/config/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openshift/credential-rotation-operator/internal/objectwatch"
	"github.com/openshift/credential-rotation-operator/internal/tlsprofile"
)

// ReadTLSProfile reads the settings for TLS servers from APIServer/cluster. A cluster without that kind has no profile.
func ReadTLSProfile(ctx context.Context, r client.Reader) (tlsprofile.Settings, error) {
	u := &unstructured.Unstructured{}
	u.SetGroupVersionKind(schema.GroupVersionKind{Group: "config.openshift.io", Version: "v1", Kind: "APIServer"})
	if _, err := get(ctx, r, "cluster", u); err != nil {
		return tlsprofile.Of(nil, ""), err
	}
	return tlsSettings(u.Object)
}

// tlsSettings reads only the relevant fields: spec.tlsAdherence is newer than the Go types.
func tlsSettings(object map[string]any) (tlsprofile.Settings, error) {
	adherence, _, _ := unstructured.NestedString(object, "spec", "tlsAdherence")
	raw, _, err := unstructured.NestedMap(object, "spec", "tlsSecurityProfile")
	if err != nil {
		return tlsprofile.Of(nil, adherence), err
	}
	profile := &configv1.TLSSecurityProfile{}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(raw, profile); err != nil {
		return tlsprofile.Of(nil, adherence), err
	}
	return tlsprofile.Of(profile, adherence), nil
}

// NewTLSProfileWatch reports the profile whenever it changes; changed is called from one goroutine.
func NewTLSProfileWatch(config *rest.Config, opts objectwatch.Options, changed func(tlsprofile.Settings)) (*OneWatch[tlsprofile.Settings], error) {
	return newOneWatch(config, "apiservers", opts, tlsProfileWatch(changed))
}

func tlsProfileWatch(changed func(tlsprofile.Settings)) *OneWatch[tlsprofile.Settings] {
	return &OneWatch[tlsprofile.Settings]{
		read: tlsSettings,
		same: func(a, b tlsprofile.Settings) bool { return a.Equal(b) },
		changed: func(s tlsprofile.Settings) {
			if s.MinVersion == 0 {
				s = tlsprofile.Of(nil, "")
			}
			changed(s)
		},
	}
}
