package harness

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/utils/ptr"
)

// Versions are what a write says about the version of its object, so that a history of writes can be judged.
type Versions struct {
	// Expected is the resourceVersion that the write insists on; empty if it overwrites whatever is there.
	Expected string
	// Version is the resourceVersion after the write; empty if it failed.
	Version string
	// Holder is the holder that a write to a Lease names.
	Holder string
	// Ended is when the service had responded.
	Ended time.Time
}

// written are the parts of an object that Versions needs. Nothing else of a body is looked at.
type written struct {
	Metadata struct {
		ResourceVersion string `json:"resourceVersion"`
	} `json:"metadata"`
	Spec struct {
		HolderIdentity string `json:"holderIdentity"`
	} `json:"spec"`
}

func (v *Versions) expects(body []byte) {
	w := readWritten(body)
	v.Expected, v.Holder = w.Metadata.ResourceVersion, w.Spec.HolderIdentity
}

// readWritten reads JSON or Kubernetes' own encoding; what is neither, such as a list of JSON patches, says nothing.
func readWritten(body []byte) (w written) {
	if !bytes.HasPrefix(body, []byte("k8s\x00")) {
		_ = json.Unmarshal(body, &w)
		return w
	}
	object, _, err := scheme.Codecs.UniversalDeserializer().Decode(body, nil, nil)
	if err != nil {
		return w
	}
	if m, err := meta.Accessor(object); err == nil {
		w.Metadata.ResourceVersion = m.GetResourceVersion()
	}
	if l, ok := object.(*coordinationv1.Lease); ok {
		w.Spec.HolderIdentity = ptr.Deref(l.Spec.HolderIdentity, "")
	}
	return w
}

// answeredVersion is the version after a successful write; the body can be read again.
func answeredVersion(r APIRequest, resp *http.Response) (string, error) {
	if !r.IsWrite() || resp.StatusCode >= http.StatusMultipleChoices {
		return "", nil
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return "", err
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	return readWritten(body).Metadata.ResourceVersion, nil
}
