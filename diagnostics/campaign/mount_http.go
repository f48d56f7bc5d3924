package campaign

import "github.com/gin-gonic/gin"

// Mount adds the pages of campaigns.
func (s *Service) Mount(gin.IRouter) {}
