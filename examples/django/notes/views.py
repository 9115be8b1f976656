from rest_framework.response import Response
from rest_framework.views import APIView


class Notes(APIView):
    """What a signed-in user may see: here, who they are."""

    def get(self, request):
        token = request.auth
        return Response({"user": request.user.id, "session": token["sid"], "roles": token["roles"]})
