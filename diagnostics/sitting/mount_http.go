package sitting

import "github.com/gin-gonic/gin"

// Mount adds the API and the pages of sittings; all but the API's own
// description are for signed-in people.
func (s *Service) Mount(r gin.IRouter) {
	s.mountAPI(r)
	s.mountPages(r)
	s.mountParticipation(r)
}
