package history

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"time"
)

// share is how many seeds one process runs before another takes over: a history uses one processor.
const share = 100

// spread runs the seeds in processes of their own, one for each processor, and counts what they have met. failed gets what one says that fails, at once.
func spread(t *testing.T, seeds int, count *Tally, failed func(output string)) {
	t.Helper()
	var (
		workers sync.WaitGroup
		done    int
		mu      sync.Mutex
		began   = time.Now()
		starts  = make(chan int)
		dir     = t.TempDir()
	)
	for range runtime.NumCPU() {
		workers.Go(func() {
			for start := range starts {
				n := min(share, seeds-start)
				tally := filepath.Join(dir, strconv.Itoa(start))
				output, err := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^"+t.Name()+"$", "-test.timeout", "0", "-steps", strconv.Itoa(*stepsFlag),
					"-seeds", strconv.Itoa(n), "-from", strconv.FormatUint(*fromFlag+uint64(start), 10), "-tally", tally).CombinedOutput()
				unread := count.load(tally)
				mu.Lock()
				if err := errors.Join(err, unread); err != nil {
					failed(fmt.Sprintf("%s\n%v", output, err))
				}
				done += n
				fmt.Printf("%d of %d seeds after %s\n", done, seeds, time.Since(began).Round(time.Second))
				mu.Unlock()
			}
		})
	}
	for start := 0; start < seeds; start += share {
		starts <- start
	}
	close(starts)
	workers.Wait()
}
