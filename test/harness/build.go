package harness

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
)

// binaryVariable is the environment variable with the path of an already built operator.
const binaryVariable = "OPERATOR_BINARY"

var build struct {
	sync.Mutex
	path string
}

// BuildOperator builds the operator once per process, or uses the one in OPERATOR_BINARY. The caller removes it with RemoveOperatorBinary.
func BuildOperator(ctx context.Context) (string, error) {
	build.Lock()
	defer build.Unlock()
	if path := os.Getenv(binaryVariable); path != "" {
		return path, nil
	}
	if build.path != "" {
		return build.path, nil
	}
	root, err := RepositoryRoot()
	if err != nil {
		return "", err
	}
	dir, err := os.MkdirTemp("", "operator-under-test-")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "credential-rotation-operator")
	if _, err := goCommand(ctx, root, "build", "-o", path, "."); err != nil {
		_ = os.RemoveAll(dir)
		return "", fmt.Errorf("building the operator: %w", err)
	}
	build.path = path
	return path, nil
}

// RemoveOperatorBinary removes what BuildOperator has built.
func RemoveOperatorBinary() error {
	build.Lock()
	defer build.Unlock()
	if build.path == "" {
		return nil
	}
	dir := filepath.Dir(build.path)
	build.path = ""
	return os.RemoveAll(dir)
}
