package cluster

import (
	"encoding/json"
	"slices"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/openshift/credential-rotation-operator/internal/tlsprofile"
)

// FuzzObjects: whatever an object of the cluster holds, only an AWS request that names a Secret and is not being deleted is one, and a TLS profile
// never becomes a server without a least version and without cipher suites.
func FuzzObjects(f *testing.F) {
	f.Add(`{"metadata":{"namespace":"openshift-cloud-credential-operator","name":"a","labels":{"x":"y"}},"spec":{"secretRef":{"namespace":"b","name":"c"},"providerSpec":{"kind":"AWSProviderSpec","stsIAMRoleARN":"arn:x"}}}`)
	f.Add(`{"metadata":{"labels":1,"deletionTimestamp":"2026-11-20T00:00:00Z"},"spec":{"secretRef":[],"providerSpec":{"kind":["AWSProviderSpec"]}}}`)
	f.Add(`{"spec":{"tlsAdherence":"StrictAllComponents","tlsSecurityProfile":{"type":"Custom","custom":{"ciphers":["DES-CBC3-SHA"],"minTLSVersion":"VersionTLS10"}}}}`)
	f.Add(`{"spec":{"tlsSecurityProfile":{"type":"Custom","custom":{"ciphers":1}},"schedule":"@hourly","suspend":"yes"}}`)
	f.Add(`{"spec":null,"metadata":null}`)
	f.Fuzz(func(t *testing.T, text string) {
		var object map[string]any
		if json.Unmarshal([]byte(text), &object) != nil {
			return
		}
		u := &unstructured.Unstructured{Object: object}
		if r, ok := ParseCredentialsRequest(u); ok {
			kind, _, _ := unstructured.NestedString(object, "spec", "providerSpec", "kind")
			name, _, _ := unstructured.NestedString(object, "spec", "secretRef", "name")
			namespace, _, _ := unstructured.NestedString(object, "spec", "secretRef", "namespace")
			if kind != "AWSProviderSpec" || r.Secret != (types.NamespacedName{Namespace: namespace, Name: name}) || name == "" || namespace == "" {
				t.Fatalf("%s is read as %+v", text, r)
			}
		}
		parseCronJob(u)
		s, err := tlsSettings(object)
		if s.MinVersion == 0 || len(s.CipherSuites) == 0 || !slices.IsSorted(versionsOf(s)) {
			t.Fatalf("%s makes a server with %+v, %v", text, s, err)
		}
	})
}

// versionsOf are the oldest that the settings may allow, and theirs.
func versionsOf(s tlsprofile.Settings) []uint16 { return []uint16{0x0301, s.MinVersion, 0x0304} }
